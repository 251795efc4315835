"""OpenAI's chat objects and server-sent events; pure functions, no I/O."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any, NamedTuple

from ._json import dumps

DONE = b"data: [DONE]\n\n"

_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_EVENT = 16 * 2**20


class Event(NamedTuple):
    """One server-sent event: its data (lines joined by newlines) and its type, empty for a plain one."""

    data: bytes
    kind: bytes = b""


class SseParser:
    """Reads server-sent events from bytes cut anywhere (WHATWG HTML 9.2)."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._kind = b""
        self._size = 0
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[Event]:
        """Events that are complete now.

        Raises:
            ValueError: an event of more than 16 MiB.
        """
        if self._between and (events := _whole_events(data)):
            self._at_start = False
            return events
        return self._by_line(data)

    @property
    def _between(self) -> bool:
        """Whether nothing of an event has come yet."""
        return not (self._rest or self._data or self._kind or self._after_cr)

    def _by_line(self, data: bytes) -> list[Event]:
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if not data:
            return []
        # a lone CR ends a line at once; a LF that follows in the next piece belongs to it
        self._after_cr = data.endswith(b"\r")
        *lines, self._rest = _LINE_END.split(self._rest + data)
        events = [event for line in lines if (event := self._line(line)) is not None]
        if self._size + len(self._rest) > _LONGEST_EVENT:
            raise ValueError("too long an event")
        return events

    def _line(self, line: bytes) -> Event | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            event = Event(b"\n".join(self._data), self._kind) if self._data else None
            self._data, self._kind, self._size = [], b"", 0
            return event
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"event":
            self._kind = value
        return None


def _whole_events(data: bytes) -> list[Event]:
    """What most pieces are: whole events of one line of data each. Empty for any other."""
    if not (data.startswith(b"data: ") and data.endswith(b"\n\n")) or b"\r" in data:
        return []
    lines = data[6:-2].split(b"\n\ndata: ")
    # as many line ends as these events have: none holds another
    return [Event(line) for line in lines] if data.count(b"\n") == 2 * len(lines) else []


def encode_event(data: bytes, kind: bytes = b"") -> bytes:
    """An event as it goes over the wire; ``data`` may have several lines."""
    if not kind and b"\n" not in data:
        return b"data: %b\n\n" % data
    head = b"event: " + kind + b"\n" if kind else b""
    return head + b"".join(b"data: " + line + b"\n" for line in data.split(b"\n")) + b"\n"


def content_of(completion: Any) -> str:
    """The text of a ChatCompletion (empty for a mere tool call).

    Raises:
        KeyError, TypeError, IndexError: it is none.
    """
    content = completion["choices"][0]["message"].get("content")
    if content is not None and not isinstance(content, str):
        raise TypeError("content is no text")
    return content or ""


def completion(model: str, upstream: Any, sources: list[dict[str, str]] | None) -> dict[str, Any]:
    """The mega service's ChatCompletion, from an llm's: under the application's own name."""
    first = upstream["choices"][0]
    message = {"role": "assistant", "content": content_of(upstream)}
    choice = {"index": 0, "message": message, "finish_reason": first.get("finish_reason") or "stop"}
    if first.get("metadata") is not None:  # an lvm's: the place in the video that it speaks of
        choice["metadata"] = first["metadata"]
    usage = upstream.get("usage") or no_usage()
    document = {**_head(upstream, "chat.completion", model), "choices": [choice], "usage": usage}
    return document if sources is None else {**document, "sources": sources}


def chunks_of(completion: Any) -> list[dict[str, Any]]:
    """A whole ChatCompletion as the chunks of a stream (for a server that does not stream)."""
    head = _head(completion, "chat.completion.chunk", str(completion.get("model", "")))
    first = completion["choices"][0]
    delta = {**first["message"], "role": "assistant", "content": content_of(completion)}
    reason = first.get("finish_reason") or "stop"
    return [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}]


def events_of(completion: Any) -> bytes:
    """A whole ChatCompletion as a whole stream."""
    return b"".join(encode_event(dumps(chunk)) for chunk in chunks_of(completion)) + DONE


def new_head(kind: str) -> dict[str, Any]:
    """What a completion or chunk of our own begins with, before its model."""
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time())}


def no_usage() -> dict[str, int]:
    """The tokens of what nobody counted."""
    return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def _head(document: Any, kind: str, model: str) -> dict[str, Any]:
    known = {name: document[name] for name in ("id", "created") if document.get(name)}
    return {**new_head(kind), **known, "model": model}
