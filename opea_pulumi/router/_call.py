"""Calling steps on behalf of one client request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from opea_pulumi.flow import Step

from ._errors import RouterError, bad_answer, refusal
from ._headers import step_headers
from ._metrics import Metrics, StepMetrics
from ._tracing import StepTrace, Trace
from ._upstream import Fault, Reply, Timeouts, Upstream

_LARGEST_ANSWER = 64 * 2**20
"""Bytes of a body that has to be held in memory, because the next step needs the whole of it."""

_UNREACHED = "upstream-refused"
_CUT = "upstream-reset"
_PAUSES = (0.05, 0.2)
"""Seconds before each new attempt to reach a step."""


@dataclass(frozen=True)
class Caller:
    """Sends requests to steps; one for each client request.

    ``timeouts`` holds those of steps (by name) that the graph gives; ``trace`` is None when nobody
    traces.
    """

    upstream: Upstream
    metrics: Metrics
    keys: Mapping[str, str]
    incoming: Mapping[str, str]
    request_id: str
    timeouts: Mapping[str, Timeouts] = field(default_factory=dict)
    connect_timeout: float = 5.0
    trace: Trace | None = None
    _open: set[StepReply] = field(default_factory=set)

    async def post(
        self,
        step: Step,
        body: bytes,
        content_type: str = "application/json",
        *,
        reads_only: bool = False,
    ) -> StepReply:
        """Send a body to a step; the answer may have any status.

        A call is made again only when the first can have done nothing: the step was not reached
        (twice, within the time to connect), or, when the step ``reads_only``, it cut the connection
        before its answer began (once).

        Raises:
            RouterError: no answer (502, or 504 when it took too long).
        """
        key = self.keys.get(step.name, "")
        headers = step_headers(self.incoming, step, self.request_id, key)
        headers["Content-Type"] = content_type
        counters = self.metrics.step(step.label)
        traced = self.trace.step(step, headers) if self.trace else None
        started = time.perf_counter()
        counters.in_flight += 1
        try:
            reply = await self._send(step, headers, body, counters, reads_only)
        except BaseException as error:
            counters.in_flight -= 1
            if traced:
                traced.end(error.code if isinstance(error, Fault) else "cancelled")
            if isinstance(error, Fault):
                raise step_error(step.label, error) from None
            raise
        counters.seconds.observe(time.perf_counter() - started)
        return StepReply(step.label, reply, self, started, key, traced)

    async def _send(
        self, step: Step, headers: Mapping[str, str], body: bytes, counters: StepMetrics, reads_only: bool
    ) -> Reply:
        timeouts = self.timeouts.get(step.name)
        patience = timeouts.connect if timeouts else self.connect_timeout
        started, pauses, cuts = time.perf_counter(), list(_PAUSES), int(reads_only)
        while True:
            try:
                return await self.upstream.send(
                    "POST", step.url, headers=headers, body=body, timeouts=timeouts
                )
            except Fault as fault:
                if fault.code == _UNREACHED and pauses:
                    pause = pauses.pop(0)
                    if time.perf_counter() - started + pause > patience:
                        raise
                elif fault.code == _CUT and cuts:
                    pause, cuts = 0.0, 0
                else:
                    raise
                counters.retried(fault.code)
            await asyncio.sleep(pause)

    def close(self) -> None:
        """Give up every answer that nobody has read to its end."""
        for reply in tuple(self._open):
            reply.close()

    def opened(self, reply: StepReply) -> None:
        """An answer has begun."""
        self._open.add(reply)

    def closed(self, reply: StepReply) -> bool:
        """An answer is complete or given up; False when that is known already."""
        known = reply not in self._open
        self._open.discard(reply)
        return not known


class StepReply:
    """A step's answer; every failure from here on names the step."""

    def __init__(
        self,
        step: str,
        reply: Reply,
        caller: Caller,
        started: float,
        key: str,
        traced: StepTrace | None = None,
    ) -> None:
        self.step = step
        self.status = reply.status
        self.headers = reply.headers
        self._reply = reply
        self._caller = caller
        self._started = started
        self._key = key
        self._traced = traced
        self._complete = False
        self._body: bytes | None = None
        caller.opened(self)
        if traced:
            traced.answered(reply.status)

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
        counters, before = self._caller.metrics.step(self.step), 0.0
        try:
            async for data in self._reply.chunks():
                now = time.perf_counter()
                if before:
                    counters.gaps.observe(now - before)
                else:
                    counters.first_token.observe(now - self._started)
                before = now
                yield data
            self._complete = True
        except Fault as fault:
            self._end(fault.code)
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
        self._end("")

    def _end(self, failure: str) -> None:
        if not self._caller.closed(self):
            return
        self._caller.metrics.step(self.step).in_flight -= 1
        if self._traced:
            self._traced.end(failure or ("" if self._complete else "cancelled"))


def step_error(step: str, fault: Fault) -> RouterError:
    """The client's view of a fault: 504 for time, 502 for the rest."""
    late = fault.code == "upstream-timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
    return RouterError(status, fault.code, f"{step} {fault.message}", step=step)
