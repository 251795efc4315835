"""One URL for the whole application: uploads go through to its dataprep service."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from opea_pulumi.flow import Step

from ._exchange import CURRENT
from ._forward import Upload, forward, query_of
from ._headers import end_to_end, step_headers
from ._upstream import Timeouts, Upstream

OPERATIONS = ("ingest", "get", "delete", "indices")

_DROPPED = frozenset({"authorization", "cookie", "accept-encoding", "content-encoding"})


class Dataprep:
    """Forwards to a dataprep service; bodies are never held in memory."""

    def __init__(
        self, upstream: Upstream, *, max_upload: int, patience: float, timeouts: Timeouts | None = None
    ) -> None:
        """``max_upload`` is in bytes, ``patience`` the client's longest silence in seconds."""
        self._upstream = upstream
        self._max_upload = max_upload
        self._patience = patience
        self._timeouts = timeouts

    async def forward(
        self, request: web.Request, step: Step, key: str, operation: str = ""
    ) -> web.StreamResponse:
        """To ``/v1/dataprep/<operation>`` of the service, or to the step's own URL.

        ``key`` is the service's own bearer key, if it has one. Raises RouterError when dataprep gives
        no answer, or the upload is too large or too slow.
        """
        upload = Upload(request, self._max_upload, self._patience) if request.body_exists else None
        url = _base(step) + operation if operation else step.url
        headers = _headers(request, step, key)
        return await forward(
            request,
            self._upstream,
            step,
            url + query_of(request),
            headers=headers,
            upload=upload,
            timeouts=self._timeouts,
        )


def _base(step: Step) -> str:
    parts = urlsplit(step.url)
    prefix = parts.path.partition("/v1/dataprep")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{prefix}/v1/dataprep/"


def _headers(request: web.Request, step: Step, key: str) -> dict[str, str]:
    headers = {
        name: value for name, value in end_to_end(request.headers).items() if name.lower() not in _DROPPED
    }
    if request.content_length is not None and "Content-Encoding" not in request.headers:
        headers["Content-Length"] = str(request.content_length)
    exchange = CURRENT.get()
    return {**headers, **step_headers(exchange.incoming, step, exchange.request_id, key)}
