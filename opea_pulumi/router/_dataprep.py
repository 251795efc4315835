"""One URL for the whole application: uploads go through to its dataprep service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import web

from opea_pulumi.flow import Step

from ._call import step_error
from ._errors import RouterError
from ._exchange import CURRENT
from ._headers import end_to_end, step_headers
from ._upstream import Fault, Upstream

OPERATIONS = ("ingest", "get", "delete", "indices")


class Dataprep:
    """Forwards ``/v1/dataprep/*``; bodies are never held in memory, statuses come back as they are."""

    def __init__(self, step: Step, key: str, upstream: Upstream, max_upload: int) -> None:
        """``max_upload`` is in bytes; ``key`` the service's own bearer key, if it has one."""
        parts = urlsplit(step.url)
        prefix = parts.path.partition("/v1/dataprep")[0].rstrip("/")
        self._base = f"{parts.scheme}://{parts.netloc}{prefix}/v1/dataprep/"
        self._step = step
        self._key = key
        self._upstream = upstream
        self._max_upload = max_upload

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Raises RouterError when dataprep gives no answer, or the upload is too large."""
        upload = _Upload(request, self._max_upload)
        url = self._base + request.match_info["operation"]
        query = f"?{request.rel_url.raw_query_string}" if request.query_string else ""
        headers = self._headers(request, CURRENT.get().request_id)
        try:
            reply = await self._upstream.send(
                request.method, url + query, headers=headers, body=upload.chunks()
            )
        except Fault as fault:
            raise upload.error or step_error(self._step.label, fault) from None
        response = web.StreamResponse(status=reply.status, headers=end_to_end(reply.headers))
        try:
            await response.prepare(request)
            async for data in reply.chunks():
                await response.write(data)
            await response.write_eof()
        except Fault as fault:
            CURRENT.get().error = step_error(self._step.label, fault)
            if request.transport is not None:  # broken off, so that it does not look whole
                request.transport.close()
        finally:
            reply.close()
        return response

    def _headers(self, request: web.Request, request_id: str) -> dict[str, str]:
        drop = {"authorization", "cookie", "accept-encoding", "content-encoding"}
        headers = {
            name: value for name, value in end_to_end(request.headers).items() if name.lower() not in drop
        }
        if request.content_length is not None and "Content-Encoding" not in request.headers:
            headers["Content-Length"] = str(request.content_length)
        return {**headers, **step_headers(request.headers, self._step, request_id, self._key)}


class _Upload:
    """The client's body, counted; ``error`` is why it was cut."""

    def __init__(self, request: web.Request, limit: int) -> None:
        self._content = request.content
        self._limit = limit
        self.error: RouterError | None = None
        if (request.content_length or 0) > limit:
            raise self._too_large()

    async def chunks(self) -> AsyncIterator[bytes]:
        size = 0
        async for data in self._content.iter_any():
            size += len(data)
            if size > self._limit:
                self.error = self._too_large()
                raise self.error
            yield data

    def _too_large(self) -> RouterError:
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return RouterError(status, "too-large", f"an upload may have {self._limit} bytes")
