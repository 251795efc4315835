"""What doctor says of this machine for the local target."""

import socket
from importlib import util

import pytest
from opea_pulumi.stacks.local import TARGET

from opea_pulumi.catalog import load_release


def found():
    return {check.name: check for check in TARGET.checks()}


def test_this_machine():
    checks = found()
    assert list(checks) == ["packages", "memory", "port"]
    assert checks["packages"].state == "ok"
    assert "GiB are free" in checks["memory"].detail


def test_missing_packages_are_named_and_nothing_else_is_looked_at(monkeypatch):
    find_spec = util.find_spec
    monkeypatch.setattr(
        "opea_pulumi.stacks._preflight.find_spec", lambda name: None if name == "apsw" else find_spec(name)
    )
    checks = found()
    assert list(checks) == ["packages"]
    assert (checks["packages"].state, "apsw" in checks["packages"].detail) == ("missing", True)


def test_who_has_the_usual_port_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        release = load_release("embedded")
        port = taken.getsockname()[1]
        router = release.router.model_copy(update={"port": port})
        changed = release.model_copy(update={"router": router})
        monkeypatch.setattr("opea_pulumi.stacks.local.doctor.load_release", lambda _name: changed)
        check = found()["port"]
    assert check.state == "hint"
    assert f"{port}, the usual one, is taken by python" in check.detail


@pytest.mark.parametrize(("free", "state"), [(1 << 30, "hint"), (8 << 30, "ok")])
def test_little_memory_is_a_hint(free, state, monkeypatch):
    memory = type("Memory", (), {"available": free})
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    assert found()["memory"].state == state
