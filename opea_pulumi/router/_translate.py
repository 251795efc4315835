"""Turning a step's stream into the client's, piece by piece and without waiting for more."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Protocol

from ._errors import RouterError, bad_answer, refusal
from ._json import dumps, loads
from ._openai import DONE, Event, SseParser, encode_event


class Translator(Protocol):
    """One stream; ``done`` tells that the answer is complete, ``failure`` that it never will be.

    A failure is kept and not raised: what came before it in the same piece still goes to the client.
    """

    done: bool
    failure: RouterError | None

    def feed(self, data: bytes) -> bytes:
        """What the client gets for these bytes, perhaps nothing yet."""

    def end(self) -> bytes:
        """What it gets when the step's body has ended; too early an end is a failure."""


class AsItIs:
    """Pass-through: the bytes of the step."""

    done = False
    failure: RouterError | None = None

    def feed(self, data: bytes) -> bytes:
        """The bytes."""
        return data

    def end(self) -> bytes:
        """Nothing: HTTP itself tells whether the body was whole."""
        return b""


class EventReader:
    """Reads a step's events up to the last, or to a failure; what they become is up to the subclass."""

    done: bool
    failure: RouterError | None
    _step: str
    _parser: SseParser

    def feed(self, data: bytes) -> bytes:
        """The client's events for the events that are complete."""
        sent = b""
        try:
            for event in self._parser.feed(data):
                if not (self.done or self.failure):
                    sent += self._event(event)
        except RouterError as failure:
            self.failure = failure
        except ValueError:
            self.failure = bad_answer(self._step, "sent too long an event")
        return sent

    def _event(self, event: Event, /) -> bytes:
        raise NotImplementedError


class _Chat(EventReader):
    """Reads the chunks of a chat completion."""

    def __init__(self, step: str) -> None:
        self.done = False
        self.failure: RouterError | None = None
        self._step = step
        self._parser = SseParser()
        self._finished = False

    def end(self) -> bytes:
        """The end is clean after ``[DONE]`` or a finish reason only."""
        if self.done:
            return b""
        if not self._finished:
            message = f"{self._step} ended before its answer was complete"
            self.failure = RouterError(HTTPStatus.BAD_GATEWAY, "upstream-reset", message, step=self._step)
            return b""
        return self._close()

    def _event(self, event: Event) -> bytes:
        if event.data == b"[DONE]":
            return self._close()
        try:
            chunk = loads(event.data)
            if event.kind == b"error" or chunk.get("error"):
                raise self._failure(event.data, chunk)
            choices = chunk.get("choices") or []
            finishes = any(choice.get("finish_reason") for choice in choices)
            self._finished = self._finished or finishes
            return self._chunk(event, chunk, finishes)
        except (ValueError, TypeError, AttributeError):
            raise bad_answer(self._step, "sent a chunk that is none of a chat completion") from None

    def _failure(self, data: bytes, chunk: Any) -> RouterError:
        inner = chunk.get("error")
        code = inner.get("code") if isinstance(inner, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else HTTPStatus.INTERNAL_SERVER_ERROR
        return refusal(self._step, status, {}, data)

    def _close(self) -> bytes:
        self.done = True
        return DONE

    def _chunk(self, event: Event, chunk: dict[str, Any], finishes: bool, /) -> bytes:
        raise NotImplementedError


class OpenAiChunks(_Chat):
    """``/v1/chat/completions``: the chunks as they are, the last one with the answer's sources."""

    def __init__(self, step: str, sources: list[dict[str, str]] | None) -> None:
        super().__init__(step)
        self._sources = sources

    def _chunk(self, event: Event, chunk: dict[str, Any], finishes: bool, /) -> bytes:
        if finishes and self._sources is not None:
            return encode_event(dumps({**chunk, "sources": self._sources}))
        return encode_event(event.data)

    def _close(self) -> bytes:
        if self._finished or self._sources is None:
            return super()._close()
        # no chunk with a finish reason came: the sources need one
        choice = {"index": 0, "delta": {}, "finish_reason": "stop"}
        last = {"object": "chat.completion.chunk", "choices": [choice], "sources": self._sources}
        return encode_event(dumps(last)) + super()._close()


class OpeaTokens(_Chat):
    """The mega service's form, from OPEA's ``align_generator``: each token as a Python bytes literal."""

    def _chunk(self, _event: Event, chunk: dict[str, Any], _finishes: bool, /) -> bytes:
        choices = chunk.get("choices") or [{}]
        content = (choices[0].get("delta") or {}).get("content")
        if not isinstance(content, str):
            return b""
        return b"data: %a\n\n" % content.encode("utf-8", "replace")
