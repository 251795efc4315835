"""The command run in this process, with the engine's two names replaced: Stacks, and how it is obtained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from application_server import ApplicationServer, serving

import opea_pulumi.engine
from opea_pulumi.cli._main import run
from opea_pulumi.engine import Progress, StackInfo, Summary
from opea_pulumi.engine.handle import Resource
from opea_pulumi.errors import EngineError, OperationError, PreflightError
from opea_pulumi.targets import Check, WorkloadStatus
from opea_pulumi.terms import Profile

APPLICATION = """\
opea_micro_services: {embedding: {}, retrieval: {}, llm: {}}
opea_mega_service: {endpoint: /v1/handbook, mega_flow: [embedding >> retrieval >> llm]}
"""


@dataclass
class Ran:
    """What one run of the command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document that it has to be."""
        return json.loads(self.out)

    def refused(self, code: str, *, exit_code: int = 1) -> str:
        """Assert one clear error; returns what was said."""
        assert self.code == exit_code, self
        assert f"[{code}]" in self.err, self
        assert "Traceback" not in self.err
        return self.err


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPEA_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.fixture
def opea(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs the command in this process."""

    def call(*words: str) -> Ran:
        capsys.readouterr()
        code = run(words)
        return Ran(code, *capsys.readouterr())

    return call


@dataclass
class FakeStack:
    """One stack of the fake backend, and what its next update does."""

    name: str
    outputs: dict[str, Any] = field(default_factory=dict)
    config: dict[str, str] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    changes: Mapping[str, int] = field(default_factory=lambda: {"same": 3})
    error: BaseException | None = None


@dataclass
class World:
    """The fake backend; ``done`` lists every update that ran, ``env`` is the engine's environment."""

    stacks: dict[str, FakeStack] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    created: dict[str, Any] = field(default_factory=dict)
    """What a stack that is made new begins with (arguments of FakeStack)."""
    statuses: list[WorkloadStatus] = field(default_factory=list)
    logs: dict[str, list[str]] = field(default_factory=dict)
    preflight: list[PreflightError] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    def deploy(self, name: str, **options: Any) -> FakeStack:
        outputs = {
            "endpoints": {"router": "http://127.0.0.1:9"},
            "target": "fake",
            "url": "http://x/v1/chatqna",
        }
        stack = self.stacks[name] = FakeStack(name, **{"outputs": outputs, **options})
        return stack


class FakeStacks:
    def __init__(self, world: World) -> None:
        self.world = world
        self.env = world.env

    def list(self) -> list[StackInfo]:
        now = datetime.now(UTC)
        rows = sorted(self.world.stacks.values(), key=lambda stack: stack.name)
        return [StackInfo(stack.name, len(stack.outputs), now) for stack in rows]

    def open(self, name: str, program: Any = None, *, create: bool = False) -> FakeHandle:
        if name not in self.world.stacks:
            if not create:
                raise EngineError(f"there is no stack {name}", code="stack-not-found")
            self.world.stacks[name] = FakeStack(name, **self.world.created)
        return FakeHandle(self.world, self.world.stacks[name])

    def remove(self, name: str) -> None:
        del self.world.stacks[name]
        self.world.done.append(f"remove {name}")


class FakeHandle:
    def __init__(self, world: World, stack: FakeStack) -> None:
        self.name = stack.name
        self._world = world
        self._stack = stack

    def up(self, on_event: Any = None, *, refresh: bool = False) -> Summary:
        return self._update("up refresh" if refresh else "up", on_event)

    def preview(self, on_event: Any = None) -> Summary:
        return self._update("preview", on_event)

    def refresh(self, on_event: Any = None) -> Summary:
        return self._update("refresh", on_event)

    def destroy(self, on_event: Any = None) -> Summary:
        return self._update("destroy", on_event)

    def outputs(self) -> dict[str, Any]:
        return self._stack.outputs

    def config(self) -> dict[str, str]:
        return self._stack.config

    def set_config(self, key: str, value: str, *, secret: bool = False) -> None:
        self._stack.config[f"opea:{key}"] = "[secret]" if secret else value

    def remove_config(self, key: str) -> None:
        del self._stack.config[f"opea:{key}"]

    def retain(self, urns: list[str]) -> None:
        self._world.done += [f"retain {urn}" for urn in urns]

    def resources(self) -> list[Resource]:
        return [Resource("urn:pulumi:s::opea::t::n", "t", "1", {"pid": 1})] * len(self._stack.outputs)

    def _update(self, operation: str, on_event: Any) -> Summary:
        self._world.done.append(f"{operation} {self.name}")
        progress = Progress()
        for event in self._stack.events:
            progress.feed(event)
            on_event(event)
        if self._stack.error is not None:
            raise self._stack.error
        return Summary(self._stack.changes, 4)


class FakeTarget:
    """A target as another package could add one."""

    name = "fake"
    profiles = (Profile.EMBEDDED,)

    def __init__(self, world: World) -> None:
        self._world = world

    def checks(self) -> Iterator[Check]:
        return iter(self._world.checks)

    def environment(self) -> Mapping[str, str]:
        return {"FAKE_HOST": "far"}

    def preflight(self, deployment: Any) -> list[PreflightError]:
        return self._world.preflight

    def prepare(self, deployment: Any, resources: list[Mapping[str, Any]]) -> Iterator[str]:
        return iter(self._world.prepared)

    def explain(self, deployment: Any) -> Iterator[str]:
        return iter(self._world.explained)

    def data(self) -> list[str]:
        return self._world.data

    def transport(self, verify: object = True) -> None:
        return None

    def operations(self, outputs: Any, resources: list[Mapping[str, Any]]) -> FakeTarget:
        assert resources[0]["outputs"] == {"pid": 1}
        return self

    def status(self) -> list[WorkloadStatus]:
        return self._world.statuses

    def logs(self, workload: str, *, tail: int, follow: bool) -> Iterator[str]:
        if workload not in self._world.logs:
            raise OperationError(f"no workload is named {workload!r}", code="unknown-workload")
        lines = self._world.logs[workload]
        return iter(lines[len(lines) - tail :])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()

    def obtain(*, report: Any) -> object:
        report("engine: found")
        return object()

    monkeypatch.setattr(opea_pulumi.engine, "obtain", obtain)
    monkeypatch.setattr(opea_pulumi.engine, "Stacks", lambda engine, report: FakeStacks(world))
    point = SimpleNamespace(name="fake", load=lambda: FakeTarget(world))

    def entry_points(group: str, name: str | None = None) -> list[Any]:
        assert group == "opea_pulumi.targets"
        return [point] if name in (None, "fake") else []

    monkeypatch.setattr("opea_pulumi.targets.entry_points", entry_points)
    monkeypatch.setattr("opea_pulumi.targets.DEFAULT", "fake")
    return world


@pytest.fixture
def server() -> Iterator[ApplicationServer]:
    with serving() as application:
        yield application


@pytest.fixture
def running(world: World, server: ApplicationServer) -> ApplicationServer:
    """An application that is deployed and answers."""
    world.deploy("handbook-fake", outputs=server.outputs)
    return server


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with an application, which is named after it."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    (folder / "opea.yaml").write_text(APPLICATION)
    return folder


@pytest.fixture
def every_command() -> dict[tuple[str, ...], click.Command]:
    from opea_pulumi.cli._main import cli

    def below(command: click.Command, words: tuple[str, ...]) -> Iterator[Any]:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from below(found, (*words, name))
        else:
            yield words, command

    return dict(below(cli, ()))
