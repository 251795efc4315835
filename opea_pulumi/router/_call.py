"""Calling steps on behalf of one client request."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from opea_pulumi.flow import Step

from ._errors import RouterError, bad_answer, refusal
from ._headers import step_headers
from ._metrics import Metrics
from ._upstream import Fault, Reply, Upstream

_LARGEST_ANSWER = 64 * 2**20
"""Bytes of a body that has to be held in memory, because the next step needs the whole of it."""


@dataclass(frozen=True)
class Caller:
    """Sends requests to steps; one for each client request."""

    upstream: Upstream
    metrics: Metrics
    keys: Mapping[str, str]
    incoming: Mapping[str, str]
    request_id: str

    async def post(self, step: Step, body: bytes, content_type: str = "application/json") -> StepReply:
        """Send a body to a step; the answer may have any status.

        Raises:
            RouterError: no answer (502, or 504 when it took too long).
        """
        key = self.keys.get(step.name, "")
        headers = step_headers(self.incoming, step, self.request_id, key)
        headers["Content-Type"] = content_type
        started = time.perf_counter()
        try:
            reply = await self.upstream.send("POST", step.url, headers=headers, body=body)
        except Fault as fault:
            raise step_error(step.label, fault) from None
        self.metrics.step_seconds.labels(step.label).observe(time.perf_counter() - started)
        return StepReply(step.label, reply, self, started, key)


class StepReply:
    """A step's answer; every failure from here on names the step."""

    def __init__(self, step: str, reply: Reply, caller: Caller, started: float, key: str) -> None:
        self.step = step
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply
        self._caller = caller
        self._started = started
        self._key = key
        self._body: bytes | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def content_type(self) -> str:
        """The media type, in lower case and without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """The body's length in bytes, if the step announced it."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() else None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises RouterError when it breaks off."""
        if self._body is not None:
            yield self._body
            return
        metrics, first = self._caller.metrics, True
        try:
            async for data in self._reply.chunks():
                if first:
                    metrics.first_token.labels(self.step).observe(time.perf_counter() - self._started)
                    first = False
                yield data
        except Fault as fault:
            raise step_error(self.step, fault) from None

    async def read(self) -> bytes:
        """The whole body (kept: may be read again). Raises RouterError."""
        if self._body is None:
            parts, size = [], 0
            try:
                async for data in self.chunks():
                    parts.append(data)
                    size += len(data)
                    if size > _LARGEST_ANSWER:
                        raise bad_answer(self.step, "answered with too large a body")
            finally:
                self.close()
            self._body = b"".join(parts)
        return self._body

    async def check(self) -> None:
        """Raise RouterError unless the status is 2xx."""
        if not self.ok:
            body = await self.read()
            raise refusal(self.step, self.status, self.headers, body, self._key)

    def close(self) -> None:
        """Cancel what has not arrived yet."""
        self._reply.close()


def step_error(step: str, fault: Fault) -> RouterError:
    """The client's view of a fault: 504 for time, 502 for the rest."""
    late = fault.code == "upstream-timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
    return RouterError(status, fault.code, f"{step} {fault.message}", step=step)
