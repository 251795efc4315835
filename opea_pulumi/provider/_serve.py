"""The gRPC server of the plugin.

The SDK has two servicers: the one of ``pulumi.provider`` constructs components, the one of
``pulumi.provider.experimental`` manages custom resources. This plugin does both, and shows an error that was
raised on purpose as one message where the SDK's servers add a Python traceback: hence a class of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.metadata
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental import server as custom
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.server import ComponentInitError
from pulumi.provider.server import ProviderServicer as ComponentServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from opea_pulumi.errors import OpeaError, OperationError
from opea_pulumi.provider._plugin import OpeaProvider
from opea_pulumi.provider._process import RestartError

_CLEAN = ("Construct", "Call", "GetSchema", "Check", "Diff", "Create", "Read", "Update", "Delete")
_ORPHAN_POLL = 1.0

Method = Callable[[Any, Any, Any], Awaitable[Any]]


class Servicer(custom.ProviderServicer):
    """Custom resources by the experimental servicer, components by the other one."""

    def __init__(self, args: list[str], provider: OpeaProvider, engine_address: str) -> None:
        version = provider.version or ""
        super().__init__(args, version, provider, engine_address)
        self._plugin = provider
        self._hosted = ComponentServicer(provider, args, engine_address)

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's names
        return await self._hosted.Construct(request, context)

    async def Call(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._hosted.Call(request, context)

    async def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        self._plugin.cancel()
        return empty_pb2.Empty()


def _clean(method: Method) -> Method:
    async def wrapper(self: Servicer, request: Any, context: Any) -> Any:
        try:
            return await method(self, request, context)
        except Exception as error:
            if known := _on_purpose(error):
                await context.abort(grpc.StatusCode.UNKNOWN, str(known), _details(known))
            raise

    return wrapper


for _name in _CLEAN:
    setattr(Servicer, _name, _clean(getattr(Servicer, _name)))


def _details(error: OpeaError) -> tuple[tuple[str, bytes], ...]:
    """The gRPC details that have the engine keep the state after a failed restart."""
    if not isinstance(error, RestartError):
        return ()
    kept = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id,
        properties=PropertyValue.marshal_map(error.state),
        reasons=[str(error)],
        inputs=PropertyValue.marshal_map(error.inputs),
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(kept)
    return (("grpc-status-details-bin", status.SerializeToString()),)


def _on_purpose(error: BaseException | None) -> OpeaError | None:
    """The project's own error inside what the SDK raised, or what the operating system refused."""
    while error is not None and not isinstance(error, OpeaError | OSError):
        error = error.inner if isinstance(error, ComponentInitError) else error.__context__
    return OperationError(str(error), code="system") if isinstance(error, OSError) else error


def main() -> None:
    """Serve until the engine ends this process, or is gone."""
    parser = argparse.ArgumentParser(
        prog="pulumi-resource-opea", description="The Pulumi plugin of opea-pulumi."
    )
    parser.add_argument("engine", help="address of the Pulumi engine")
    known, _ = parser.parse_known_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(known.engine))


async def _serve(engine_address: str) -> None:
    ended = _ended()
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider = OpeaProvider(importlib.metadata.version("opea-pulumi"))
    servicer = Servicer(sys.argv[1:], provider, engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.buffer.write(f"{port}\n".encode())
    sys.stdout.buffer.flush()
    await _until(ended)
    provider.cancel()
    await server.stop(grace=4)


def _ended() -> asyncio.Event:
    """Set on SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


async def _until(ended: asyncio.Event) -> None:
    """Return when ``ended`` is set, or the engine that started this plugin is gone."""
    parent = os.getppid()
    while not ended.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _ORPHAN_POLL)
