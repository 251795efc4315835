"""Runs a Pulumi program without an engine, in a context of its own, and tells what it registered."""

import asyncio
import contextvars
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, set_all_config
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import run_pulumi_func

PROCESS = "opea:index:Process"


@dataclass(frozen=True)
class Registered:
    """A resource as the engine would get it; a secret property is a :class:`Hidden`."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    depends_on: frozenset[str]


@dataclass(frozen=True)
class Hidden:
    """A property that the program marked secret."""

    value: Any


@dataclass
class Mocked:
    """What a program registered, by name, and exported: outputs that are secret are :class:`Hidden`."""

    resources: dict[str, Registered] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of_type(self, kind: str) -> dict[str, Registered]:
        return {name: one for name, one in self.resources.items() if one.type == kind}


def run_program(
    program: Callable[[], object],
    *,
    stack: str = "local",
    config: Mapping[str, str] | None = None,
    secret: tuple[str, ...] = (),
) -> Mocked:
    """Run ``program`` with a stack's configuration (``opea:key`` -> text); raises what it raises."""

    async def main() -> Mocked:
        monitor = _Monitor(_Mocks())
        set_all_config(dict(config or {}), list(secret))
        mocks.set_mocks(monitor.mocks, project="opea", stack=stack, monitor=monitor)
        await run_pulumi_func(lambda: program() and None)
        root = get_root_resource()
        for name, value in getattr(root, "outputs", {}).items():
            output = pulumi.Output.from_input(value)
            plain = await output.future()
            monitor.mocked.outputs[name] = Hidden(plain) if await output.is_secret() else plain
        return monitor.mocked

    return contextvars.Context().run(asyncio.run, main())


class _Mocks(mocks.Mocks):
    """Every process gets pid 4711 and a port by its name; other resources echo their inputs."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"an unexpected call: {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ != PROCESS:
            return args.name, args.inputs
        port = 20000 + zlib.crc32(args.name.encode()) % 20000
        outputs = {
            "pid": 4711,
            "port": port,
            "url": f"http://127.0.0.1:{port}",
            "logFile": f"{args.inputs['directory']}/output.log",
            "startedAt": "2026-11-24T00:00:00Z",
        }
        return args.name, {**args.inputs, **outputs}


class _Monitor(mocks.MockMonitor):
    def __init__(self, mocked: _Mocks) -> None:
        super().__init__(mocked)
        self.mocked = Mocked()

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        answer = self._register(request)
        inputs = rpc.deserialize_properties(request.object)
        shown = {key: _shown(value) for key, value in inputs.items()}
        one = Registered(answer.urn, request.type, request.name, shown, frozenset(request.dependencies))
        self.mocked.resources[request.name] = one
        return answer

    def _register(self, request: Any) -> Any:
        # in a thread of the SDK, where the mock would leave an event loop open
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            return super().RegisterResource(request)
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _shown(value: Any) -> Any:
    return Hidden(rpc.unwrap_rpc_secret(value)) if rpc.is_rpc_secret(value) else value
