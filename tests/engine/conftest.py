from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opea_pulumi.engine import MINIMUM, PINNED, Engine, Home, Stacks, install

_HERE = Path(__file__).parent


def _isolate(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("OPEA_ENGINE", raising=False)
    monkeypatch.delenv("OPEA_PYTHON", raising=False)
    monkeypatch.setenv("OPEA_HOME", str(data / "home with space"))
    monkeypatch.setenv("PULUMI_HOME", str(data / "pulumi"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home of its own; the cache (engine binaries) is the real one."""
    _isolate(monkeypatch, tmp_path)
    return Home.from_environment()


@pytest.fixture
def own_home(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """As ``home``, with an empty cache of its own."""
    monkeypatch.setenv("OPEA_CACHE", str(tmp_path / "cache"))
    return Home.from_environment()


@pytest.fixture(scope="session", params=[PINNED, MINIMUM])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    """The pinned engine and the oldest one that is supported; built when missing."""
    return install(Home.from_environment(), version=request.param)


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The pinned engine; built when missing."""
    return install(Home.from_environment(), version=PINNED)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def stacks(engine: Engine, home: Home, told: list[str]) -> Stacks:
    return Stacks(engine, home, report=told.append)


@pytest.fixture
def gate(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for the test plugin: ``started`` appears when a create begins, which ends with ``open``."""
    plugin = tmp_path / "plugins" / "pulumi-resource-gate"
    plugin.parent.mkdir()
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} -u {_HERE / "gate_plugin.py"} "$@"\n')
    plugin.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plugin.parent}{os.pathsep}{os.environ['PATH']}")
    folder = tmp_path / "gate"
    folder.mkdir()
    yield folder
    (folder / "open").touch()  # lets a plugin that was left go


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a program onto a PATH that holds nothing else but /bin and /usr/bin's basics."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def write(name: str, script: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write
