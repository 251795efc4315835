"""The router's connections: bounded in number, and none held open by a client that does not go on.

aiohttp's server has no limit on the time a request's head takes, on the bytes that a client leaves
unread, or on the number of connections. So each of its protocols gets an ``asyncio.Protocol`` of
ours in front of it, which hands everything on and keeps the time.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import cast

from aiohttp import web

from ._exchange import Handler
from ._metrics import Metrics

_FULL = b'{"error":{"code":"too-many-connections","step":null,"message":"the router is full"}}'
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_FULL), _FULL)
)


class Connections:
    """Every open connection of one router.

    ``header_timeout`` (seconds) is for a request's line and headers, counted from the opening of the
    connection or from the first byte after the last request; ``client_timeout`` for a client that takes
    nothing of what is written to it.
    """

    def __init__(self, metrics: Metrics, *, limit: int, header_timeout: float, client_timeout: float) -> None:
        self._metrics = metrics
        self._limit = limit
        self.header_timeout = header_timeout
        self._client_timeout = client_timeout
        self._open: dict[asyncio.BaseTransport, _Connection] = {}
        self._waiting: dict[_Connection, None] = {}  # without a request, the longest first
        self._sweeper: asyncio.Task[None] | None = None

    def front(self, server: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """An aiohttp server's protocols, each with one of ours in front of it; watching begins."""
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().create_task(self._sweep())
        return lambda: _Connection(server(), self)

    async def close(self) -> None:
        """No more watching."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A request has begun: what comes now is its body, which has limits of its own."""
        connection = self._open.get(request.transport) if request.transport is not None else None
        if connection is None:
            return await handler(request)
        connection.busy, connection.waiting_since = True, 0.0
        self._waiting.pop(connection, None)
        try:
            return await handler(request)
        finally:
            connection.busy, connection.served = False, True
            if connection.transport in self._open:
                self._waiting[connection] = None

    def close_idle(self) -> None:
        """Close those that have been served and wait for another request."""
        for connection in tuple(self._waiting):
            if connection.served and not connection.waiting_since:
                connection.transport.close()

    def opened(self, connection: _Connection) -> bool:
        """Whether there is room; the connection that has been without a request longest makes some."""
        if len(self._open) >= self._limit:
            if not self._waiting:
                self._metrics.cut.labels("full").inc()
                return False
            self._cut(next(iter(self._waiting)), "full")
        self._open[connection.transport] = connection
        self._waiting[connection] = None
        self._metrics.connections.set(len(self._open))
        return True

    def closed(self, connection: _Connection) -> None:
        """It is gone."""
        self._forget(connection)

    def _cut(self, connection: _Connection, reason: str) -> None:
        self._metrics.cut.labels(reason).inc()
        self._forget(connection)
        connection.transport.abort()

    def _forget(self, connection: _Connection) -> None:
        self._open.pop(connection.transport, None)
        self._waiting.pop(connection, None)
        self._metrics.connections.set(len(self._open))

    async def _sweep(self) -> None:
        pause = min(1.0, self.header_timeout / 4, self._client_timeout / 4)
        while True:
            await asyncio.sleep(pause)
            now = time.monotonic()
            for connection in tuple(self._open.values()):
                if connection.head_is_late(now, self.header_timeout):
                    self._cut(connection, "slow-head")
                elif connection.reads_nothing(now, self._client_timeout):
                    self._cut(connection, "slow-reader")


class Site(web.BaseSite):
    """A port on which a runner's server listens, behind ``Connections``; with ``tls`` it speaks that."""

    def __init__(
        self,
        runner: web.BaseRunner,
        connections: Connections,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(runner)
        self._connections = connections
        self._address = host, port
        self._tls = tls

    @property
    def name(self) -> str:
        """As aiohttp's sites call themselves."""
        return f"http{'s' if self._tls else ''}://{self._address[0]}:{self._address[1]}"

    async def start(self) -> None:
        """Listen. Raises OSError."""
        await super().start()
        assert self._runner.server is not None  # noqa: S101 - BaseSite has made sure
        factory = self._connections.front(self._runner.server)
        loop = asyncio.get_running_loop()
        # a connection is one of ours once its handshake is done, for which it has as long as for a head
        seconds = self._connections.header_timeout if self._tls else None
        self._server = await loop.create_server(
            factory,
            *self._address,
            backlog=1024,
            ssl=self._tls,
            ssl_handshake_timeout=seconds,
            ssl_shutdown_timeout=seconds,
        )


class _Connection(asyncio.Protocol):
    """In front of aiohttp's protocol for one connection."""

    transport: asyncio.Transport

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self._inner = inner
        self._connections = connections
        self._refused = False
        self.busy = False
        self.served = False
        self.waiting_since = 0.0
        self._unread = 0
        self._unread_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.waiting_since = time.monotonic()
        if not self._connections.opened(self):
            self._refused = True
            self.transport.write(_REFUSAL)
            self.transport.close()
            return
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if not (self.busy or self.waiting_since):
            self.waiting_since = time.monotonic()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return None if self._refused else self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._refused:
            self._connections.closed(self)
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._unread = 0  # enough has been taken
        self._inner.resume_writing()

    def head_is_late(self, now: float, limit: float) -> bool:
        """Whether a request's head has been awaited for too long."""
        return not self.busy and bool(self.waiting_since) and now - self.waiting_since > limit

    def reads_nothing(self, now: float, limit: float) -> bool:
        """Whether bytes have been waiting for the client and none of them was taken."""
        unread = self.transport.get_write_buffer_size()
        if not self._unread or unread < self._unread:
            self._unread_since = now
        self._unread = unread
        return bool(unread) and now - self._unread_since > limit
