"""What the router answers when something fails; the one body is ``{"error": {code, step, message}}``."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from opea_pulumi.errors import OperationError

from ._json import dumps, loads

_LONGEST_MESSAGE = 1000


class RouterError(OperationError):
    """A request that failed: the HTTP status for the client, and the step whose fault it is, if any."""

    def __init__(
        self, status: int, code: str, message: str, *, step: str | None = None, retry_after: str = ""
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.step = step
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to the error."""
        return {"Retry-After": self.retry_after} if self.retry_after else {}

    def body(self) -> dict[str, Any]:
        """The JSON object the client gets."""
        return {"error": {"code": self.code, "step": self.step, "message": self.message}}

    def text(self) -> str:
        """The body as JSON text, on one line."""
        return dumps(self.body()).decode()


def bad_request(code: str, message: str) -> RouterError:
    """The client's own mistake (400)."""
    return RouterError(HTTPStatus.BAD_REQUEST, code, message)


def bad_answer(step: str, message: str) -> RouterError:
    """A step answered 2xx with something it must not answer (502)."""
    return RouterError(HTTPStatus.BAD_GATEWAY, "upstream-garbage", f"{step} {message}", step=step)


def refusal(step: str, status: int, headers: Mapping[str, str], body: bytes, secret: str = "") -> RouterError:
    """A step's answer that is not 2xx: 4xx and 503 as they are, anything else is a 502.

    The step's own words are kept for 4xx and 503 only: other failures may tell of the inside.
    ``secret`` (the step's own key) is taken out of them.
    """
    retry_after = headers.get("Retry-After", "")
    if 400 <= status < 500 or status == HTTPStatus.SERVICE_UNAVAILABLE:
        words = _words(body)
        words = words.replace(secret, "***") if secret else words
        message = f"{step} answered {status}" + (f": {words[:_LONGEST_MESSAGE]}" if words else "")
        return RouterError(status, "upstream-status", message, step=step, retry_after=retry_after)
    return RouterError(HTTPStatus.BAD_GATEWAY, "upstream-status", f"{step} answered {status}", step=step)


def _words(body: bytes) -> str:
    """The human part of an error body: OPEA's and FastAPI's ``detail``, OpenAI's ``error.message``."""
    try:
        document = loads(body)
    except ValueError:
        return body.decode("utf-8", "replace").strip()
    if isinstance(document, dict):
        inner = document.get("error")
        if isinstance(inner, dict):
            document = inner
        document = next(
            (document[key] for key in ("message", "detail", "error") if document.get(key)), document
        )
    return document if isinstance(document, str) else dumps(document).decode()
