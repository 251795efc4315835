"""Asking a running application, as any OpenAI client would."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from opea_pulumi.errors import OperationError

from ._graph import Application, checked, parsed, readable, unreachable
from ._megaservice import Megaservice


@dataclass(frozen=True)
class Source:
    """A passage that an answer rests on, and the document it is from."""

    source: str
    text: str


@dataclass
class Answer:
    """An answer that comes piece by piece; whole, with its sources, once the pieces are used up."""

    pieces: Iterator[str]
    text: str = ""
    sources: list[Source] = field(default_factory=list)

    def read(self) -> str:
        """Wait for the rest and return the whole text."""
        for _ in self:
            pass
        return self.text

    def __iter__(self) -> Iterator[str]:
        for piece in self.pieces:
            self.text += piece
            yield piece


def ask(application: Application, question: str, **parameters: Any) -> Answer:
    """Ask a question; nothing is sent before the answer's first piece is asked for.

    ``parameters`` go into the request, such as ``k`` or ``max_tokens``. Reading the answer raises
    :class:`OperationError` when the application fails, before or in the middle of it.
    """
    answer = Answer(iter(()))
    if application.mega is not None:
        answer.pieces = _whole(application, application.mega, readable(question), parameters)
        return answer
    body = {"messages": [{"role": "user", "content": readable(question)}], "stream": True, **parameters}
    answer.pieces = _pieces(application, body, answer)
    return answer


def _whole(
    application: Application, mega: Megaservice, question: str, parameters: Mapping[str, Any]
) -> Iterator[str]:
    """The answer of OPEA's own image, which names no sources."""
    body = mega.body(question, parameters)
    answer = parsed("megaservice", application.send("megaservice", "POST", mega.url, json=body))
    try:
        yield str(answer["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise _broken("it has another form") from None


def _pieces(application: Application, body: Mapping[str, Any], answer: Answer) -> Iterator[str]:
    url = f"{application.router}/v1/chat/completions"
    try:
        with (
            application.client() as client,
            client.stream("POST", url, json=body, headers=application.access.headers) as response,
        ):
            if not response.is_success:
                response.read()
            checked("the application", response)
            yield from _read(response, answer)
    except httpx.RemoteProtocolError as error:
        raise _broken(str(error)) from None
    except httpx.HTTPError as error:
        raise unreachable("the application", url, error) from None


def _read(response: httpx.Response, answer: Answer) -> Iterator[str]:
    event = ""
    for line in response.iter_lines():
        if line.startswith("event:"):
            event = line.removeprefix("event:").strip()
        if not line.startswith("data:"):
            continue
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            return
        try:
            text = _take(event, json.loads(data), answer)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _broken("a part of it has another form") from None
        if text:
            yield text
        event = ""
    raise _broken("it ended without [DONE]")


def _broken(why: str, code: str = "broken-answer") -> OperationError:
    hint = "opea-pulumi status shows what runs; opea-pulumi logs NAME shows why"
    return OperationError(f"the answer broke off: {why}", code=code, hint=hint)


def _take(event: str, data: Mapping[str, Any], answer: Answer) -> str:
    """The text of one event; its sources go into the answer."""
    if event == "error":
        error = data.get("error", data)
        message = f"{error.get('message', error)} (step {error.get('step', '?')})"
        raise _broken(message, str(error.get("code", "failed")))
    answer.sources += [Source(row["source"], row["text"]) for row in data.get("sources") or ()]
    deltas = [choice.get("delta") or {} for choice in data.get("choices") or ()]
    return "".join(delta.get("content") or "" for delta in deltas)
