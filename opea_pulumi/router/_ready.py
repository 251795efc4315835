"""Asking the steps whether they are ready."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from opea_pulumi.flow import Step

from ._upstream import Fault, Upstream

_PATHS = ("/health", "/v1/health_check")
_SECONDS = 5.0
_NO_SUCH_ROUTE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)


async def not_ready(upstream: Upstream, steps: Iterable[Step]) -> dict[str, str]:
    """Names of the steps that can't answer now, each with the reason; empty when all can."""
    asked = list(steps)
    reasons = await asyncio.gather(*(_reason(upstream, step) for step in asked))
    return {step.label: reason for step, reason in zip(asked, reasons, strict=True) if reason}


async def _reason(upstream: Upstream, step: Step) -> str:
    try:
        async with asyncio.timeout(_SECONDS):
            return await _ask(upstream, step)
    except TimeoutError:
        return "did not answer in time"


async def _ask(upstream: Upstream, step: Step) -> str:
    parts = urlsplit(step.url)
    for path in _PATHS:
        try:
            reply = await upstream.send("GET", f"{parts.scheme}://{parts.netloc}{path}", headers={})
        except Fault as fault:
            return fault.message
        reply.close()
        # a server outside may want a key even here: that it answers is all we can know
        if reply.status < 300 or (step.external_service and reply.status < 500):
            return ""
        if reply.status not in _NO_SUCH_ROUTE:
            return f"answered {reply.status} on {path}"
    return ""  # alive, and without a health route
