"""What the local target asks of a machine before anything is created."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path

import pytest
from opea_pulumi.stacks.local import TARGET

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import Profile

_LISTEN = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def foreign() -> Iterator[Callable[..., tuple[int, int]]]:
    """Starts another program that listens; gives its port and pid. Variables make it one of ours."""
    processes = []

    def start(**environment: str) -> tuple[int, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", _LISTEN],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return int(process.stdout.readline()), process.pid

    yield start
    for process in processes:
        process.communicate()


def errors(port: int | None = None, stack: str = "demo-local"):
    text = "opea_app: chatqna\n" + (f"opea_mega_service: {{port: {port}}}\n" if port else "")
    blueprint = build_blueprint(parse_application(text), name="demo", profile=Profile.EMBEDDED)
    return TARGET.preflight(Deployment(blueprint, Path("/apps/demo/opea.yaml"), stack))


def test_nothing_is_missing():
    assert errors() == []


def test_every_missing_package_is_named_once_with_what_installs_it(monkeypatch):
    find_spec = util.find_spec
    absent = {"aiohttp", "apsw"}
    monkeypatch.setattr(
        "opea_pulumi.stacks._preflight.find_spec",
        lambda name: None if name in absent else find_spec(name),
    )
    [error] = errors(port=1)
    assert (error.code, error.hint) == ("missing-extra", "pip install 'opea-pulumi[local]'")
    assert "not installed: aiohttp, apsw" in error.message


def test_a_port_that_another_program_holds_names_it(foreign):
    port, pid = foreign()
    [error] = errors(port)
    assert error.code == "port-taken"
    assert error.message.startswith(f"port {port} of router is taken by python")
    assert f"(pid {pid})" in error.message
    assert "another port" in error.hint


def test_every_port_that_is_taken_is_told(foreign):
    text = "\n".join(
        [
            "opea_app: chatqna",
            "opea_micro_services:",
            f"  llm: {{port: {foreign()[0]}}}",
            f"  embedding: {{port: {foreign()[0]}}}",
        ]
    )
    blueprint = build_blueprint(parse_application(text), name="demo", profile=Profile.EMBEDDED)
    found = TARGET.preflight(Deployment(blueprint, Path("/x"), "demo-local"))
    assert sorted(error.message.split()[3] for error in found) == ["embedding", "llm"]


def test_a_port_that_only_is_preferred_may_be_taken(foreign):
    """The next free one is found."""
    assert errors(port=None) == []


def _marker(stack: str) -> dict[str, str]:
    urn = f"urn:pulumi:{stack}::opea::opea:index:LocalApplication$opea:index:Process::demo-router"
    return {"OPEA_PROCESS": f"0123456789abcdef:{urn}"}


def test_what_this_stack_holds_it_may_keep(foreign):
    port, _ = foreign(**_marker("demo-local"))
    assert errors(port) == []


@pytest.mark.parametrize("other", ["other-local", "demo-local-2", "demo"])
def test_what_another_stack_holds_is_named(foreign, other):
    port, _ = foreign(**_marker(other))
    [error] = errors(port)
    assert f"urn:pulumi:{other}::opea" in error.message
