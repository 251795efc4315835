"""Running the router as a process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from opea_pulumi.errors import FlowError, Location, OperationError
from opea_pulumi.flow import Mode, load_flow

from ._app import Limits, Router
from ._auth import Key
from ._connections import Site
from ._exchange import log_event
from ._log import Lines
from ._plan import Plan, make_plan
from ._tracing import Tracing, make_tracing

_MANY_FILES = 65536
_KEEP_ALIVE = 75.0
"""Seconds that a connection waits for another request, as nginx has it."""


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


def serve(
    plan: Plan,
    *,
    host: str,
    port: int,
    limits: Limits,
    keys: Sequence[Key] = (),
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in flight.

    Args:
        port: 0 takes a free one; the first line of the log tells which.
        keys: every request needs one of them; none at all means that anybody may ask.
        tls: what the port speaks; ``None`` is plain HTTP.

    Raises:
        OperationError: the port can't be had, or traces are asked for and can't be made.
    """
    tracing = make_tracing(plan.flow)
    if tracing is not None:
        _log_of_traces()
    most = _open_files() // 2  # a connection may need another one to a step
    limits = replace(limits, max_connections=min(limits.max_connections, most))
    router = Router(plan, limits, keys=keys, tracing=lambda: tracing)
    with _log_to_stdout(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        about = {**_about(plan, limits, keys, tracing), "tls": tls is not None}
        runner.run(_serve(router, host, port, tls, about))


def _open_files() -> int:
    """How many files this process may have open, after asking for as many as it may ask for."""
    try:
        import resource
    except ImportError:  # not a Unix
        return _MANY_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MANY_FILES if hard == resource.RLIM_INFINITY else min(hard, _MANY_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY_FILES if soft == resource.RLIM_INFINITY else soft


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:  # no wheel for this platform: asyncio's own loop does as well
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _serve(
    router: Router, host: str, port: int, tls: ssl.SSLContext | None, about: dict[str, object]
) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    runner = make_runner(router)
    await runner.setup()
    try:
        site = await _listen(router, runner, host, port, tls)
        # what is here stays: the collector need not look at it again, and rarely at what comes and goes
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000)
        log_event("listening", host=host, port=runner.addresses[0][1], **about)
        await ending.wait()
        await drain(router, site)
    finally:
        await runner.cleanup()
    log_event("ended")


def make_runner(router: Router) -> web.AppRunner:
    """aiohttp's server for a router, not yet listening."""
    # aiohttp's own log lines quote what clients send
    silent = logging.getLogger("opea_pulumi.router.http")
    silent.disabled = True
    return web.AppRunner(
        router.app(),
        handler_cancellation=True,
        access_log=None,
        logger=silent,
        shutdown_timeout=0.5,
        keepalive_timeout=_KEEP_ALIVE,
    )


async def drain(router: Router, site: web.BaseSite) -> None:
    """Take no more connections, close those that wait, and let the requests in flight finish."""
    router.gate.draining = True
    await site.stop()
    await asyncio.sleep(0)  # requests that are here already are read first
    router.connections.close_idle()
    await router.gate.drain(router.limits.drain_timeout)


async def _listen(
    router: Router, runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None
) -> Site:
    site = Site(runner, router.connections, host, port, tls)
    try:
        await site.start()
    except OSError as error:
        message = f"can't listen on {host}:{port}: {error.strerror or error}"
        raise OperationError(message, code="port-taken", hint="choose another with --port") from None
    return site


def _about(plan: Plan, limits: Limits, keys: Sequence[Key], tracing: Tracing | None) -> dict[str, object]:
    without = sorted(step for step, key in plan.keys.items() if not key)
    return {
        "mode": plan.mode,
        "endpoint": plan.flow.endpoint,
        "steps_without_key": without,
        "api_keys": len(keys),
        "max_connections": limits.max_connections,
        "tracing": tracing is not None,
    }


@contextmanager
def _log_to_stdout() -> Iterator[None]:
    handler = Lines(sys.stdout.fileno())
    logger = logging.getLogger("opea_pulumi.router")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()


class _TraceLog(logging.Handler):
    """OpenTelemetry's own warnings, as lines of ours; without their values, which may be anything."""

    def emit(self, record: logging.LogRecord) -> None:
        log_event("tracing", level=record.levelname.lower(), message=str(record.msg))


def _log_of_traces() -> None:
    logger = logging.getLogger("opentelemetry")
    logger.addHandler(_TraceLog(logging.WARNING))
    logger.propagate = False
