"""What every embedded service has in common: health, metrics, errors, limits, log and the runner."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from opea_pulumi.embedded import SERVICES
from opea_pulumi.embedded._middleware import AccessMiddleware, BodyLimitMiddleware
from opea_pulumi.errors import OpeaError

__all__ = ["create_app", "run"]

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

STATUS_OF = {
    "not-found": 404,
    "model-mismatch": 409,
    "too-large": 413,
    "store-full": 507,
    "store-read-only": 503,
    "store-unavailable": 503,
    "embedding-unavailable": 503,
    "upstream-unavailable": 502,
    "upstream-timeout": 504,
}
"""HTTP status of an error code; any other code means that the request was wrong: 400."""


def create_app(name: str, description: str, *, lifespan: Lifespan | None = None, max_body: int) -> FastAPI:
    """An application with OPEA's common routes; ``max_body`` bytes is the largest request taken.

    OPEA's services allow every CORS origin. These do not: they listen on the user's own machine,
    where any web page could otherwise read or delete the ingested documents.
    """
    app = FastAPI(title=f"opea_service@{name}", description=description, version="1.5", lifespan=lifespan)
    app.add_middleware(BodyLimitMiddleware, limit=max_body)
    app.add_middleware(AccessMiddleware, service=name)
    app.add_exception_handler(OpeaError, _error_response)
    _add_common_routes(app)
    return app


def _add_common_routes(app: FastAPI) -> None:
    @app.get("/v1/health_check")
    async def health_check() -> dict[str, str]:
        return {
            "Service Title": app.title,
            "Version": app.version,
            "Service Description": app.description,
        }

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _error_response(_request: Request, error: Exception) -> Response:
    """The error for both families of clients: ``detail`` (FastAPI, OPEA) and ``error`` (OpenAI)."""
    if not isinstance(error, OpeaError):  # registered for OpeaError only
        raise error
    status = STATUS_OF.get(error.code, 400)
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    kind = "invalid_request_error" if status < 500 else "server_error"
    body = {"detail": message, "error": {"message": message, "type": kind, "code": error.code}}
    return JSONResponse(body, status_code=status)


def run(name: str, make_app: Callable[[], FastAPI], arguments: Sequence[str] | None = None) -> None:
    """Serve one application until SIGTERM or SIGINT, which end it within two seconds.

    Exits with status 1 and one line when the settings are wrong or the port is taken.
    """
    parser = argparse.ArgumentParser(prog=f"python -m opea_pulumi.embedded.{name}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=SERVICES[name], help="0 takes a free one (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        app = make_app()
    except OpeaError as error:
        sys.exit(f"error: {error}")
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        log_config=_log_config(),
        access_log=False,  # AccessMiddleware logs instead: uvicorn's line holds the query string
        timeout_graceful_shutdown=1,
        server_header=False,
    )


def _log_config() -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
        "filters": {"expected": {"()": _ExpectedErrors}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "line",
                "filters": ["expected"],
            }
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"uvicorn": {"level": "INFO"}, "opea_pulumi.embedded": {"level": "INFO"}},
    }


class _ExpectedErrors(logging.Filter):
    """Cuts the traceback from errors that were raised on purpose to break off a stream."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        while error is not None:
            if isinstance(error, OpeaError):
                record.msg, record.args, record.exc_info = f"stream broken off: {error}", (), None
                return True
            error = error.__cause__ or error.__context__
        return True
