"""Handing a request on to one service and its answer back, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from opea_pulumi.flow import Step

from ._call import step_error
from ._errors import RouterError
from ._exchange import CURRENT
from ._headers import answer_headers
from ._upstream import Body, Fault, Timeouts, Upstream


async def forward(
    request: web.Request,
    upstream: Upstream,
    step: Step,
    url: str,
    *,
    headers: dict[str, str],
    upload: Upload | None = None,
    timeouts: Timeouts | None = None,
) -> web.StreamResponse:
    """Send the request to ``url`` and stream the answer back; statuses come back as they are.

    Raises:
        RouterError: the service gives no answer, or the upload was cut.
    """
    body: Body = upload.chunks() if upload else None
    trace = CURRENT.get().trace
    traced = trace.step(step, headers, request.method) if trace else None
    failure = "cancelled"
    try:
        reply = await upstream.send(request.method, url, headers=headers, body=body, timeouts=timeouts)
        if traced:
            traced.answered(reply.status)
    except Fault as fault:
        if traced:
            traced.end(fault.code)
        raise (upload.error if upload else None) or step_error(step.label, fault) from None
    try:
        response = web.StreamResponse(status=reply.status, headers=_own_headers(reply.headers))
        await response.prepare(request)
        async for data in reply.chunks():
            await response.write(data)
        await response.write_eof()
        failure = ""
    except Fault as fault:
        failure = fault.code
        CURRENT.get().error = step_error(step.label, fault)
        if request.transport is not None:  # broken off, so that it does not look whole
            request.transport.close()
    finally:
        reply.close()
        if traced:
            traced.end(failure)
    return response


def query_of(request: web.Request) -> str:
    """The request's query string as it came, with its question mark."""
    return f"?{request.rel_url.raw_query_string}" if request.query_string else ""


def _own_headers(theirs: Mapping[str, str]) -> dict[str, str]:
    headers = answer_headers(theirs)
    length = theirs.get(hdrs.CONTENT_LENGTH, "")
    if length.isdecimal() and hdrs.TRANSFER_ENCODING not in theirs:
        headers[hdrs.CONTENT_LENGTH] = length
    return headers


class Upload:
    """The client's body, counted; ``error`` is why it was cut."""

    def __init__(self, request: web.Request, limit: int, patience: float) -> None:
        """``limit`` is in bytes, ``patience`` the client's longest silence in seconds. Raises RouterError."""
        self._content = request.content
        self._limit = limit
        self._patience = patience
        self.error: RouterError | None = None
        if (request.content_length or 0) > limit:
            raise self._too_large()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises RouterError."""
        size = 0
        while data := await self._next():
            size += len(data)
            if size > self._limit:
                self.error = self._too_large()
                raise self.error
            yield data

    async def _next(self) -> bytes:
        try:
            async with asyncio.timeout(self._patience):
                return await self._content.readany()
        except TimeoutError:
            message = "the request's body did not come in time"
            self.error = RouterError(HTTPStatus.REQUEST_TIMEOUT, "slow-request", message)
            raise self.error from None

    def _too_large(self) -> RouterError:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return RouterError(status, "too-large", f"an upload may have {self._limit} bytes")
