"""Programs of the Docker components without engines: what they register."""

import pytest
from mocked_pulumi import run_program

from opea_pulumi.errors import OperationError


@pytest.fixture(autouse=True)
def present(monkeypatch):
    """What the Docker engine has: containers by their names, as `docker inspect` shows them."""
    containers = {}

    def connect(**_options):
        raise OperationError("no engine in this test", code="docker-down")

    monkeypatch.setattr("opea_pulumi.components.docker._present.connect", connect)
    monkeypatch.setattr("opea_pulumi.components.docker._present.Present.containers", containers)
    monkeypatch.setattr("opea_pulumi.components.docker._present._free", lambda _address, _port: True)
    return containers


@pytest.fixture
def run():
    """A function: run a program in stack `s` of project `opea`."""
    return lambda program: run_program(program, stack="s")
