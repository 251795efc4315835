"""Streams that are no chat completion's, as the chunks of one: then one translation serves them all."""

from __future__ import annotations

import ast
import codecs
import re
from typing import Any

from ._errors import RouterError, bad_answer
from ._json import dumps, loads
from ._openai import DONE, Event, SseParser, encode_event, new_head
from ._sent import StreamForm
from ._translate import EventReader, Translator

_LITERAL = re.compile(rb"""b(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_LONGEST_LINE = 64 * 2**10


def chunks_for(form: StreamForm, step: str, model: str, client: Translator) -> Translator:
    """The translator of a step's stream of this form; ``client`` makes the client's form of chunks."""
    if form is StreamForm.CHAT:
        return client
    return TextStream(step, model, client) if form is StreamForm.TEXT else RawText(step, model, client)


class _Chunks:
    """Makes chunks, and hands them on."""

    def __init__(self, step: str, model: str, client: Translator) -> None:
        self.done = False
        self.failure: RouterError | None = None
        self._step = step
        self._client = client
        self._head = {**new_head("chat.completion.chunk"), "model": model}

    def _send(self, data: bytes) -> bytes:
        sent = self._client.feed(data)
        self.done, self.failure = self._client.done, self._client.failure
        return sent

    def _chunk(self, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return encode_event(dumps({**self._head, "choices": [choice]}))

    def _last(self) -> bytes:
        return self._chunk({}, "stop") + DONE


class TextStream(EventReader, _Chunks):
    """Events with a bytes literal (OPEA's lvm) or LangChain's patches (docsum, faqgen), up to ``[DONE]``.

    Of a patch the first operation's value counts, when it is a text: so OPEA's ``align_generator`` reads it.
    """

    def __init__(self, step: str, model: str, client: Translator) -> None:
        super().__init__(step, model, client)
        self._parser = SseParser()

    def end(self) -> bytes:
        """Clean after ``[DONE]`` only."""
        sent = self._client.end()
        self.done, self.failure = self._client.done, self._client.failure
        return sent

    def _event(self, event: Event) -> bytes:
        return self._send(self._as_chunks(event))

    def _as_chunks(self, event: Event) -> bytes:
        if event.data == b"[DONE]":
            return self._last()
        if not event.kind and _LITERAL.fullmatch(event.data):
            return self._chunk({"content": self._literal(event.data)})
        try:
            document = loads(event.data)
        except ValueError:
            document = None
        if isinstance(document, dict) and "ops" in document and not event.kind:
            return self._patch(document["ops"])
        return encode_event(event.data, event.kind)  # a chunk as it is, an error, or what is nothing

    def _literal(self, data: bytes) -> str:
        try:
            value: bytes = ast.literal_eval(data.decode("ascii"))
        except (ValueError, SyntaxError):
            raise bad_answer(self._step, "sent a token that is no bytes literal") from None
        return value.decode("utf-8", "replace")

    def _patch(self, operations: Any) -> bytes:
        try:
            value = operations[0].get("value")
        except (TypeError, IndexError, KeyError, AttributeError):
            raise bad_answer(self._step, "sent a patch without an operation") from None
        return self._chunk({"content": value}) if isinstance(value, str) else b""


class RawText(_Chunks):
    """Bare text behind a line that tells the piece of the video (Video-LLaMA); HTTP tells its end."""

    def __init__(self, step: str, model: str, client: Translator) -> None:
        super().__init__(step, model, client)
        self._line: bytes | None = b""
        self._text = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, data: bytes) -> bytes:
        """The client's events for this piece of the text."""
        if self._line is not None:
            line, newline, data = (self._line + data).partition(b"\n")
            self._line = None if newline else line
            if len(line) > _LONGEST_LINE or ((line or newline) and not line.startswith(b"{")):
                self.failure = bad_answer(self._step, "did not begin with a line about the video")
        text = self._text.decode(data)
        return self._send(self._chunk({"content": text})) if text and self.failure is None else b""

    def end(self) -> bytes:
        """The last chunk; without the first line there was no answer."""
        if self._line is not None:
            self.failure = bad_answer(self._step, "did not begin with a line about the video")
            return b""
        rest = self._text.decode(b"", final=True)
        return self._send((self._chunk({"content": rest}) if rest else b"") + self._last())
