"""Running the router as a process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from opea_pulumi.errors import FlowError, Location, OperationError
from opea_pulumi.flow import Mode, load_flow

from ._app import Limits, Router
from ._exchange import log_event
from ._plan import Plan, make_plan


def read_plan(*, file: str | None, text: str | None, mode: str | None) -> Plan:
    """The graph from a file or a text, checked.

    Raises:
        FlowError: it can't be read or can't be run.
    """
    if file is not None:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            message = f"the graph can't be read: {reason}"
            raise FlowError(message, code="unreadable", location=Location(file=file)) from None
    flow = load_flow(text or "", file=file or "")
    return make_plan(flow, Mode(mode) if mode else None, os.environ)


def serve(plan: Plan, *, host: str, port: int, limits: Limits) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight.

    Args:
        port: 0 takes a free one; the first line of the log tells which.

    Raises:
        OperationError: the port can't be had.
    """
    _log_to_stdout()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(plan, host, port, limits))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform: asyncio's own loop does as well
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(plan: Plan, host: str, port: int, limits: Limits) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    router = Router(plan, limits)
    # aiohttp's own log lines quote what clients send
    silent = logging.getLogger("opea_pulumi.router.http")
    silent.disabled = True
    runner = web.AppRunner(
        router.app(), handler_cancellation=True, access_log=None, logger=silent, shutdown_timeout=0.5
    )
    await runner.setup()
    try:
        site = await _listen(runner, host, port)
        log_event("listening", host=host, port=runner.addresses[0][1], **_about(plan))
        await ending.wait()
        router.gate.draining = True
        await site.stop()
        await router.gate.drain(limits.drain_timeout)
    finally:
        await runner.cleanup()
    log_event("ended")


async def _listen(runner: web.AppRunner, host: str, port: int) -> web.TCPSite:
    site = web.TCPSite(runner, host, port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        message = f"can't listen on {host}:{port}: {error.strerror or error}"
        raise OperationError(message, code="port-taken", hint="choose another with --port") from None
    return site


def _about(plan: Plan) -> dict[str, object]:
    without = sorted(step for step, key in plan.keys.items() if not key)
    return {"mode": plan.mode, "endpoint": plan.flow.endpoint, "steps_without_key": without}


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("opea_pulumi.router")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
