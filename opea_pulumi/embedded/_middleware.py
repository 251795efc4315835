"""ASGI middleware: one log line and one metric a request, and a limit on the request body."""

from __future__ import annotations

import logging
import time

from prometheus_client import Counter, Histogram
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AccessMiddleware", "BodyLimitMiddleware"]

logger = logging.getLogger(__name__)

REQUESTS = Counter("http_requests_total", "Requests", ["service", "method", "handler", "status"])
SECONDS = Histogram("http_request_duration_seconds", "Time to the end of the answer", ["service", "handler"])

QUIET = frozenset({"/health", "/v1/health_check", "/metrics"})
"""Polled every second or so: counted but not logged."""


class AccessMiddleware:
    """Counts and logs requests: method, route, status and time, never a query string or a body."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's template, so that unknown paths can't grow the metrics without bound.
        handler = getattr(scope.get("route"), "path", "other")
        REQUESTS.labels(self.service, scope["method"], handler, str(status)).inc()
        SECONDS.labels(self.service, handler).observe(seconds)
        if handler not in QUIET:
            logger.info("%s %s %d %.0f ms", scope["method"], handler, status, seconds * 1000)


class BodyLimitMiddleware:
    """Refuses a request body of more than ``limit`` bytes with 413, also when it comes in chunks."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = 0

        async def receive_within_limit() -> Message:
            nonlocal seen
            if seen > self.limit:
                return {"type": "http.disconnect"}
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit:
                await self._refuse(scope, receive, send)
                return {"type": "http.disconnect"}
            return message

        async def send_unless_refused(message: Message) -> None:
            if seen <= self.limit:
                await send(message)

        await self.app(scope, receive_within_limit, send_unless_refused)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"the request is larger than {self.limit} bytes"
        error = {"message": message, "type": "invalid_request_error", "code": "too-large"}
        response = JSONResponse({"detail": message, "error": error}, 413, headers={"connection": "close"})
        await response(scope, receive, send)
