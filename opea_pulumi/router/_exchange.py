"""What belongs to one client request: its id, its line in the log, its place in the crowd."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from aiohttp import web

from ._errors import RouterError
from ._headers import request_id
from ._json import dumps
from ._metrics import Metrics
from ._tracing import Trace, Tracing

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOG = logging.getLogger("opea_pulumi.router")
_CLIENT_GONE = 499
"""nginx's number for a client that did not wait for its answer; only ever logged."""

PROBES = frozenset({"/health", "/v1/health_check", "/ready", "/metrics"})
"""Routes that tell of the router's own health: open to all, and without a span."""

CURRENT: ContextVar[Exchange] = ContextVar("exchange")


@dataclass
class Exchange:
    """One request; ``error`` is what went wrong, also after the answer had begun.

    ``answered`` is the status of an answer that has gone out to its end while its handler still runs.
    ``incoming`` are the headers of which the steps may get some: a key that the router took for its own
    is not among them. ``key`` is the name of that key. ``at_end`` is called when all is over.
    """

    request_id: str
    incoming: Mapping[str, str]
    started: float = field(default_factory=time.perf_counter)
    error: RouterError | None = None
    answered: int | None = None
    key: str | None = None
    trace: Trace | None = None
    at_end: list[Callable[[], None]] = field(default_factory=list)


class Watch:
    """Middleware: gives every request an id, turns errors into answers, counts and logs."""

    def __init__(self, metrics: Metrics, gate: Gate, tracing: Callable[[], Tracing | None]) -> None:
        self._metrics = metrics
        self._gate = gate
        self._tracing = tracing

    async def add_headers(self, _request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Signal ``on_response_prepare``."""
        if self._gate.draining:  # this late, so that streams that begin now tell their client, too
            response.force_close()
            response.headers["Connection"] = "close"
        response.headers["Server"] = "opea-router"
        exchange = CURRENT.get(None)
        if exchange is not None:
            response.headers["x-request-id"] = exchange.request_id

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every handler."""
        exchange = Exchange(request_id(request.headers), request.headers)
        CURRENT.set(exchange)
        tracing = self._tracing()
        if tracing is not None and route_of(request) not in PROBES:
            exchange.trace = tracing.request(request.headers, request.method, request.path)
        status = _CLIENT_GONE
        try:
            response = await self._answer(request, handler, exchange)
            status = response.status
            return response
        finally:
            for end in exchange.at_end:
                end()
            self._record(request, exchange, exchange.answered or status)

    async def _answer(self, request: web.Request, handler: Handler, exchange: Exchange) -> web.StreamResponse:
        try:
            return await handler(request)
        except RouterError as failure:
            error = failure
        except web.HTTPException as problem:
            code = HTTPStatus(problem.status).phrase.lower().replace(" ", "-")
            error = RouterError(problem.status, code, problem.reason)
        except ConnectionError:
            raise  # the client is gone
        except Exception as bug:  # noqa: BLE001 - the last guard: one request must not end the router
            _log_bug(exchange, bug)
            error = RouterError(500, "internal", "the router failed; its log says where")
        exchange.error = error
        return web.json_response(error.body(), status=error.status, headers=error.headers)

    def _record(self, request: web.Request, exchange: Exchange, status: int) -> None:
        seconds = time.perf_counter() - exchange.started
        route = route_of(request)
        self._metrics.answered(route, status, seconds)
        error = exchange.error
        if error and error.step:
            self._metrics.step_errors.labels(error.step, error.code).inc()
        if exchange.trace is not None:
            gone = "client-gone" if status == _CLIENT_GONE else ""
            exchange.trace.end(route, status, error.code if error else gone)
        line: dict[str, object] = {
            "method": request.method,
            "path": request.path,
            "status": status,
            "step": error.step if error else None,
            "error": error.code if error else None,
            "duration_ms": round(seconds * 1000, 3),
            "request_id": exchange.request_id,
        }
        if exchange.key is not None:
            line["key"] = exchange.key  # its name in the file
        log_event("request", **line)


def route_of(request: web.Request) -> str:
    """The route that the request fits, as it was registered; ``other`` for none."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "other"


class Gate:
    """Bounds the requests in flight, and knows them when the router has to end."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._tasks: set[asyncio.Task[object]] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False

    def guard(self, handler: Handler) -> Handler:
        """The handler, behind the gate: 429 when the router is full."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if len(self._tasks) >= self._limit:
                raise RouterError(429, "too-many-requests", "the router is at its limit", retry_after="1")
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine of the server runs in a task
            self._tasks.add(task)
            self._empty.clear()
            self._metrics.in_flight.inc()
            try:
                response = await handler(request)
                if self.draining:  # began before: its headers are out
                    response.force_close()
                return response
            finally:
                self._metrics.in_flight.dec()
                self._tasks.discard(task)
                if not self._tasks:
                    self._empty.set()

        return guarded

    async def drain(self, seconds: float) -> None:
        """Wait for the requests in flight, at most so long; then cancel them."""
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            late = tuple(self._tasks)
            for task in late:
                task.cancel()
            if late:  # a client that does not read can keep a task for ever
                await asyncio.wait(late, timeout=1)


def log_event(event: str, **fields: object) -> None:
    """One line of JSON; never a body, a query string or a header."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    _LOG.info(dumps({"time": now, "event": event, **fields}).decode())


def _log_bug(exchange: Exchange, bug: Exception) -> None:
    # places only: an exception's own text may quote the request
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(bug.__traceback__)]
    log_event("bug", type=type(bug).__name__, at=places[-5:], request_id=exchange.request_id)
