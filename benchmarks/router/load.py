"""A client that costs next to nothing: raw connections, prepared requests, the least of parsing."""

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_TOKEN = re.compile(rb"@(\d{8,})@")


@dataclass(frozen=True)
class Call:
    """A prepared request: the port of its server (on 127.0.0.1), and its bytes."""

    port: int
    data: bytes


@dataclass
class Sample:
    """What was measured: seconds of each request, and of each stream's first and other tokens."""

    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    transit: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    """By how much the time between two tokens differs from what it was when they were sent."""
    tails: list[float] = field(default_factory=list)
    """From the first token of a stream to its end."""
    wall: float = 0.0
    cpu: float = 0.0
    """Of the router, in seconds."""

    def add(self, other: "Sample") -> None:
        self.seconds += other.seconds
        self.first += other.first
        self.transit += other.transit
        self.gaps += other.gaps
        self.tails += other.tails
        self.wall += other.wall
        self.cpu += other.cpu


def prepared(port: int, path: str, body: bytes) -> Call:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return Call(port, head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


async def closed_loop(calls: Sequence[Call], concurrency: int, seconds: float) -> Sample:
    """So many clients at a time, each sending its calls one after the other, again and again."""
    async with _crowd(calls, concurrency, seconds + 60) as (sample, clients):
        ends = time.perf_counter() + seconds
        # one after the other: a crowd that starts as one would stay one
        pause = min(seconds / 4, 0.1) / concurrency
        for client in clients:
            client.start(ends)
            if concurrency > 1:
                await asyncio.sleep(pause)
    return sample


async def once(calls: Sequence[Call], concurrency: int, patience: float) -> Sample:
    """So many clients at a time, each sending its calls once."""
    async with _crowd(calls, concurrency, patience) as (sample, clients):
        for number, client in enumerate(clients):
            client.start(0)
            if number % 10 == 9:
                await asyncio.sleep(0.01)
    return sample


@asynccontextmanager
async def _crowd(
    calls: Sequence[Call], number: int, patience: float
) -> AsyncIterator[tuple[Sample, list["Client"]]]:
    """Connected clients, which the block starts; the end waits until all have finished."""
    sample = Sample()
    clients = [Client(calls, sample) for _ in range(number)]
    try:
        for client in clients:
            await client.connect()
        started = time.perf_counter()
        yield sample, clients
        await asyncio.wait_for(asyncio.gather(*(client.finished for client in clients)), patience)
        sample.wall = time.perf_counter() - started
    finally:
        for client in clients:
            client.close()


class Client:
    """One client, with a connection to every server that it calls."""

    def __init__(self, calls: Sequence[Call], sample: Sample) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._calls = calls
        self._sample = sample
        self._wires: dict[int, _Wire] = {}
        self._position = 0

    async def connect(self) -> None:
        for port in {call.port for call in self._calls}:
            wire = _Wire(self._answered, self._fail, self._sample)
            await asyncio.get_running_loop().create_connection(lambda wire=wire: wire, "127.0.0.1", port)
            self._wires[port] = wire

    def start(self, ends: float) -> None:
        """Send the calls, and again until the time is over."""
        self._ends = ends
        self._position = 0
        self._started = time.perf_counter()
        self._send()

    def close(self) -> None:
        self.finished.cancel()
        for wire in self._wires.values():
            wire.transport.abort()

    def _send(self) -> None:
        call = self._calls[self._position]
        self._wires[call.port].send(call.data)

    def _answered(self) -> None:
        self._position += 1
        if self._position < len(self._calls):
            self._send()
            return
        now = time.perf_counter()
        self._sample.seconds.append(now - self._started)
        if now < self._ends:
            self.start(self._ends)
        elif not self.finished.done():
            self.finished.set_result(None)

    def _fail(self, reason: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(RuntimeError(reason))


class _Wire(asyncio.Protocol):
    """Reads one answer at a time."""

    def __init__(self, answered: Any, failed: Any, sample: Sample) -> None:
        self._answered = answered
        self._failed = failed
        self._sample = sample

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._failed(f"the connection was closed: {error}")

    def send(self, data: bytes) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._total = 0
        """Bytes of the whole answer; 0 while unknown, -1 when its end is a chunk."""
        self._tail = b""
        self._token = self._arrived = self._began = 0
        self._sent = time.perf_counter_ns()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self._total == -1:
            self._stream(data)
            return
        self._parts.append(data)
        self._size += len(data)
        if not self._total:
            self._read_head()
        if self._total > 0 and self._size >= self._total:
            self._answered()

    def _read_head(self) -> None:
        data = b"".join(self._parts)
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return
        if not data.startswith(b"HTTP/1.1 200"):
            self._failed(data[:2000].decode(errors="replace"))
            return
        if found := _LENGTH.search(data, 0, end + 2):
            self._total = end + 4 + int(found[1])
        else:
            self._total = -1
            if data[end + 4 :]:
                self._stream(data[end + 4 :])

    def _stream(self, data: bytes) -> None:
        now = time.perf_counter_ns()
        data = self._tail + data
        read = 0
        for found in _TOKEN.finditer(data):
            self._note(int(found[1]), now)
            read = found.end()
        self._tail = data[max(read, len(data) - 64) :]
        if self._tail.endswith(b"\r\n0\r\n\r\n") or self._tail == b"0\r\n\r\n":
            if self._began:
                self._sample.tails.append((now - self._began) / 1e9)
            self._answered()

    def _note(self, token: int, now: int) -> None:
        sample = self._sample
        if self._token:
            sample.gaps.append(abs((now - self._arrived) - (token - self._token)) / 1e9)
        else:
            sample.first.append((now - self._sent) / 1e9)
            self._began = now
        self._token, self._arrived = token, now
        sample.transit.append((now - token) / 1e9)
