"""Fake services, as light as Python allows: run as a script, it prints its port and serves.

The path says what is answered, the query how: ``?ms=20`` after 20 ms, ``?rate=50&tokens=100`` is the stream
of an llm. Every token is the time at which it was sent (`@NANOSECONDS@`, on the clock of the machine).
"""

import asyncio
import contextlib
import heapq
import json
import re
import signal
import time
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

DIMENSIONS = 768
"""Of a vector: bge-base, the model that OPEA's ChatQnA embeds with."""

PASSAGES = [
    f"Passage {number}. " + "The Halden H2 measures soil moisture for 34 months. " * 8 for number in range(4)
]
ANSWER = "The battery of the Halden H2 lasts 34 months. " * 4
VECTOR = [((index * 7919) % 2003 - 1001) / 25013 for index in range(DIMENSIONS)]

_COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 400, "completion_tokens": 50, "total_tokens": 450},
}
_ANSWERS: dict[str, Any] = {
    "/v1/embeddings": {"object": "list", "model": "bench", "data": [{"index": 0, "embedding": VECTOR}]},
    "/embed": [VECTOR],
    "/v1/retrieval": {
        "initial_query": "How long does the battery last?",
        "retrieved_docs": [{"text": text} for text in PASSAGES],
        "metadata": [{"source": "manual.txt"}] * len(PASSAGES),
    },
    "/v1/reranking": {"initial_query": "How long does the battery last?", "documents": [PASSAGES[2]]},
    "/rerank": [{"index": 2, "score": 0.9}, {"index": 0, "score": 0.1}],
    "/v1/chat/completions": _COMPLETION,
}
_CHUNK = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench",'
    b'"choices":[{"index":0,"delta":{"content":"@%d@"},"logprobs":null,"finish_reason":null}]}\n\n'
)
_LAST = _CHUNK.replace(b'"@%d@"', b'""').replace(b'"finish_reason":null', b'"finish_reason":"stop"')
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_STREAMS = re.compile(rb'"stream": ?true')


@cache
def _reading(target: bytes) -> tuple[bytes, float, int, int]:
    """What a request target asks for: the answer, its delay in s, tokens of a stream, their period in ms."""
    parts = urlsplit(target.decode())
    options = {name: float(values[0]) for name, values in parse_qs(parts.query).items()}
    body = json.dumps(_ANSWERS[parts.path]).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    period = round(1000 / options.get("rate", 1000))
    return head + body, options.get("ms", 0) / 1000, int(options.get("tokens", 10)), period


class Alarm:
    """Calls things later, to about 0.1 ms: a loop's own timers know whole milliseconds only."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self._count = 0
        asyncio.get_running_loop().add_signal_handler(signal.SIGALRM, self._ring)

    def after(self, delay: float, call: Any, *arguments: Any) -> None:
        self._count += 1
        entry = (time.perf_counter() + delay, self._count, call, arguments)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self._set()

    def _ring(self) -> None:
        now = time.perf_counter() + 0.00005
        while self._due and self._due[0][0] <= now:
            _, _, call, arguments = heapq.heappop(self._due)
            call(*arguments)
        if self._due:
            self._set()

    def _set(self) -> None:
        left = self._due[0][0] - time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.00001))


@cache
def _alarm() -> Alarm:
    return Alarm()


class Metronome:
    """Sends the tokens of many streams, spread evenly over their period, with one timer."""

    def __init__(self, period: int) -> None:
        self._beats: list[set[Stream]] = [set() for _ in range(period)]
        self._joined = 0
        self._now = _milliseconds()
        self._tick()

    def join(self, stream: "Stream") -> None:
        """Its first token comes within a period."""
        self._beats[self._joined % len(self._beats)].add(stream)
        self._joined += 1

    def _tick(self) -> None:
        asyncio.get_running_loop().call_later(0.001, self._tick)
        now = _milliseconds()
        for beat in range(self._now + 1, now + 1):
            streams = self._beats[beat % len(self._beats)]
            for stream in [stream for stream in streams if not stream.send()]:
                streams.discard(stream)
        self._now = now


@cache
def _metronome(period: int) -> Metronome:
    return Metronome(period)


class Stream:
    """The tokens of one answer."""

    def __init__(self, transport: asyncio.Transport, tokens: int) -> None:
        self._transport = transport
        self._left = tokens

    def send(self) -> bool:
        """Send the next one; whether another will follow."""
        if self._transport.is_closing():
            return False
        if self._left:
            self._left -= 1
            self._transport.write(_framed(_CHUNK % time.perf_counter_ns()))
            return True
        self._transport.write(_framed(_LAST) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        return False


class Service(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            end = self._end(self._buffer[:head], head + 4)
            if not 0 <= end <= len(self._buffer):
                return
            target = self._buffer[: self._buffer.find(b"\r\n")].split(b" ")[1]
            streams = b"/chat/" in target and _STREAMS.search(self._buffer, head, end) is not None
            self._buffer = self._buffer[end:]
            self._answer(target, streams)

    def _end(self, head: bytes, start: int) -> int:
        """Where the request ends; negative while that is not known."""
        if found := _LENGTH.search(head):
            return start + int(found[1])
        if not _CHUNKED.search(head):
            return start
        last = self._buffer.find(b"0\r\n\r\n", start)
        while last > start and self._buffer[last - 2 : last] != b"\r\n":
            last = self._buffer.find(b"0\r\n\r\n", last + 1)
        return last + 5 if last >= 0 else -1

    def _answer(self, target: bytes, streams: bool) -> None:
        whole, delay, tokens, period = _reading(target)
        if not streams:
            self._after(delay, self._transport.write, whole)
        elif delay:
            self._after(delay, self._begin, tokens, period, False)
        else:
            self._begin(tokens, period, True)

    def _begin(self, tokens: int, period: int, spread: bool) -> None:
        """``spread``: with its head only, its first token comes when it is its turn."""
        if self._transport.is_closing():
            return
        first = b"" if spread else _framed(_CHUNK % time.perf_counter_ns())
        self._transport.write(_STREAM_HEAD + first)
        _metronome(period).join(Stream(self._transport, tokens - (not spread)))

    def _after(self, delay: float, call: Any, *arguments: Any) -> None:
        if delay:
            _alarm().after(delay, call, *arguments)
        else:
            call(*arguments)


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _milliseconds() -> int:
    return time.perf_counter_ns() // 1_000_000


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(Service, "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
