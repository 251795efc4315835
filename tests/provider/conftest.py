"""A driver that plays the engine's part against the resource classes, and a real engine."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from pathlib import Path

import psutil
import pulumi
import pytest
from opea_pulumi.components.local.process import Process
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.engine import PINNED, Home, Stacks, install
from opea_pulumi.provider._process import ProcessResource
from opea_pulumi.provider._record import Record
from opea_pulumi.provider._values import lift, plain_map

SERVER = Path(__file__).with_name("http_server.py")
URN = "urn:pulumi:dev::opea::opea:index:Process::{}"


class Driver:
    """One process resource, driven as the engine drives it; ``state`` is what the engine would keep."""

    def __init__(self, resource: ProcessResource, name: str, directory: Path) -> None:
        self.resource, self.urn, self.directory = resource, URN.format(name), directory
        self.inputs, self.state = {}, {}

    def given(self, **changes):
        """Wire inputs of a healthy server, with changes; ``None`` leaves one out, property values stay."""
        inputs = {
            "command": [sys.executable, str(SERVER), "{port}"],
            "directory": str(self.directory),
            "preferredPort": free_port() if "preferredPort" not in changes else None,
            "healthPath": "/",
            "startTimeout": 20,
        } | changes
        return {key: _lift(value) for key, value in inputs.items() if value is not None}

    def check(self, given):
        return self.resource.check(rpc.CheckRequest(self.urn, self.inputs, given, b""))

    def checked(self, given):
        answer = self.check(given)
        assert not answer.failures, [(one.property, one.reason) for one in answer.failures]
        return answer.inputs

    async def create(self, **changes):
        inputs = self.checked(self.given(**changes))
        answer = await self.resource.create(rpc.CreateRequest(self.urn, inputs, 0, False))
        assert answer.resource_id == str(self.directory)
        self.inputs, self.state = inputs, answer.properties
        return plain_map(self.state)

    def diff(self, **changes):
        new = self.checked(self.inputs | {key: _lift(value) for key, value in changes.items()})
        return new, self.resource.diff(rpc.DiffRequest(self.urn, str(self.directory), self.state, new, []))

    async def update(self, preview=False, **changes):
        new, _ = self.diff(**changes)
        request = rpc.UpdateRequest(self.urn, str(self.directory), self.state, new, 0, [], preview)
        answer = await self.resource.update(request)
        if preview:
            return answer.properties
        self.inputs, self.state = new, answer.properties
        return plain_map(self.state)

    async def read(self):
        return await self.resource.read(
            rpc.ReadRequest(self.urn, str(self.directory), self.state, self.inputs)
        )

    async def delete(self):
        await self.resource.delete(rpc.DeleteRequest(self.urn, str(self.directory), self.state, 0))

    @property
    def record(self):
        return Record.load(self.directory)

    @property
    def log(self):
        return (self.directory / "output.log").read_text()


def _lift(value):
    return value if hasattr(value, "is_secret") else lift(value)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def until(condition, limit=10.0):
    """Wait for a condition, by polling; fails after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def running(directory):
    """Pids of processes that name ``directory`` on their command line or in their marker."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and str(directory) in " ".join(process.cmdline()):
                found.append(process.pid)
    return found


@pytest.fixture
def cancelled():
    return asyncio.Event()


@pytest.fixture
async def drive(tmp_path, cancelled):
    """Makes drivers that share one plugin, and ends what they started."""
    resource, drivers = ProcessResource(cancelled), []

    def make(name="web", directory=None):
        drivers.append(Driver(resource, name, directory or tmp_path / name))
        return drivers[-1]

    yield make
    cancelled.clear()
    for driver in drivers:
        await driver.delete()


class Engine:
    """A stack of the real engine whose program is one process, given as its args."""

    def __init__(self, stacks, directory):
        self.directory = directory
        self.args, self.opts, self.more, self.loops = {}, None, lambda _process: None, []
        self.handle = stacks.open("dev", self._program, create=True)

    def _program(self):
        self.loops.append(asyncio.get_running_loop())
        args = {
            "command": [sys.executable, str(SERVER), "{port}"],
            "directory": str(self.directory),
            "health_path": "/",
        }
        given = {key: value() if callable(value) else value for key, value in self.args.items()}
        process = Process("web", args | given, self.opts)
        pulumi.export("url", process.url)
        pulumi.export("pid", process.pid)
        pulumi.export("log", process.log_file)
        pulumi.export("started", process.started_at)
        self.more(process)

    def up(self, **changes):
        self.args |= changes
        return dict(self.handle.up().changes)

    def close_loops(self):
        """The SDK leaves a failed inline program's loop open when the engine is gone."""
        for loop in self.loops:
            if not loop.is_closed() and not loop.is_running():
                tasks = asyncio.all_tasks(loop)
                for task in tasks:
                    task.cancel()
                if tasks:
                    loop.run_until_complete(asyncio.wait(tasks))
                for task in tasks:
                    task.cancelled() or task.exception()  # seen, so that nothing is told of it
                loop.close()

    @property
    def outputs(self):
        return self.handle.outputs()

    @property
    def record(self):
        return Record.load(self.directory)


@pytest.fixture(scope="session")
def pulumi_engine():
    """The pinned engine; built when missing."""
    return install(Home.from_environment(), version=PINNED)


@pytest.fixture
def engine(pulumi_engine, tmp_path, monkeypatch, tools):
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPEA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    engine = Engine(Stacks(pulumi_engine, Home.from_environment()), tmp_path / "web")
    engine.args["preferred_port"] = free_port()
    yield engine
    engine.handle.destroy()
    engine.close_loops()
    assert running(tmp_path) == []


@pytest.fixture
def tools():
    """The helpers of this file; test folders are no packages, so they can't be imported."""
    return sys.modules[__name__]
