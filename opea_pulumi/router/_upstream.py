"""The HTTP client towards the steps, behind a small protocol so that it can be exchanged."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import aiohttp

Body = bytes | AsyncIterable[bytes] | None


@dataclass(frozen=True)
class Timeouts:
    """Of one step, in seconds: to reach it, and the longest silence of its answer."""

    connect: float = 5.0
    idle: float = 600.0


class Fault(Exception):  # noqa: N818 - no error by itself: the caller knows the step and makes one
    """No answer, or half of one. ``code`` is what the client sees; ``message`` follows the step's name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Reply(Protocol):
    """An answer whose headers have come and whose body may still be on its way."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers; look-up ignores case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises Fault when it breaks off."""

    def close(self) -> None:
        """Give the connection up; an unfinished body is cancelled at once."""


class Upstream(Protocol):
    """Sends requests to steps."""

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Body = None,
        timeouts: Timeouts | None = None,
    ) -> Reply:
        """Return when the headers of the answer are there; ``timeouts`` instead of its own. Raises Fault."""

    async def close(self) -> None:
        """Close every connection."""


class AiohttpUpstream:
    """One pool of connections for the life of the router."""

    def __init__(self, *, connect_timeout: float, idle_timeout: float) -> None:
        """``idle_timeout`` is the longest silence in seconds; there is no limit on the whole."""
        self._session = aiohttp.ClientSession(
            # services on uvicorn drop idle connections after 5 s: a pooled one must die before
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3, ttl_dns_cache=10),
            timeout=_client_timeout(Timeouts(connect_timeout, idle_timeout)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
        )

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Body = None,
        timeouts: Timeouts | None = None,
    ) -> Reply:
        """See Upstream. Redirects are not followed: they would carry credentials elsewhere."""
        timeout = self._session.timeout if timeouts is None else _client_timeout(timeouts)
        try:
            response = await self._session.request(
                method,
                url,
                data=body,
                headers={"Accept-Encoding": "identity", **headers},
                allow_redirects=False,
                timeout=timeout,
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise fault_of(error) from None
        return _AiohttpReply(response)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


@lru_cache(maxsize=1024)
def _client_timeout(timeouts: Timeouts) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=timeouts.connect, sock_connect=timeouts.connect, sock_read=timeouts.idle
    )


class _AiohttpReply:
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for data in self._response.content.iter_any():
                yield data
        except (aiohttp.ClientError, TimeoutError) as error:
            raise fault_of(error) from None

    def close(self) -> None:
        # of a finished body this returns the connection to the pool
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


def fault_of(error: Exception) -> Fault:
    """What an exception of the client means."""
    if isinstance(error, TimeoutError):
        return Fault("upstream-timeout", "did not answer in time")
    if isinstance(error, aiohttp.ClientConnectorError):
        return Fault("upstream-refused", "can't be reached")
    if isinstance(error, aiohttp.ServerConnectionError | aiohttp.ClientOSError | aiohttp.ClientPayloadError):
        return Fault("upstream-reset", "cut the connection")
    return Fault("upstream-garbage", "did not answer in HTTP")
