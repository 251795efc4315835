"""Guardrails: what they check, and the end of the flow when they say no."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._request import question_of
from ._sent import Received, Sent
from ._text import completion_of, text_in, with_text

_REFUSAL = "Violated policies:"
"""How every refusal of OPEA's guardrails begins."""


class Guard(Always):
    """TextDoc or GeneratedDoc -> TextDoc, which names the steps that must not run when the check failed."""

    def __init__(self, *, with_prompt: bool = True) -> None:
        """``with_prompt``: the service wants to know the question when it checks an answer."""
        self._with_prompt = with_prompt

    def request(self, ask: Ask) -> Sent:
        """The question, or behind a step that answers, the answer."""
        talk = ask.talk
        if talk.asked is not None and self._with_prompt:
            return Sent.json({"prompt": talk.asked, "text": talk.query})
        return Sent.json({"text": question_of(talk)})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The text that passed, or the refusal in place of every answer.

        OPEA's services bar all steps (``.*``) when they bar any; so whatever they bar, the flow ends.
        """
        answer = got.json
        text, barred = text_in(answer), answer.get("downstream_black_list") or []
        if not isinstance(barred, list):
            raise TypeError("downstream_black_list is no list")
        if barred or (text != talk.query and text.startswith(_REFUSAL)):
            refusal = completion_of(text, reason="content_filter")
            return replace(talk, documents=None, answer=Answer(answer, refusal, blocked=True))
        return passed(talk, text, answer)


class PiiGuard(Always):
    """PIIRequestDoc -> PIIResponseDoc: personal data is replaced."""

    def request(self, ask: Ask) -> Sent:
        """The question or the answer; ``replace_method`` is the client's, or else the service's own."""
        talk = ask.talk
        method = pick(talk.given, ("replace_method",))
        return Sent.json({"prompt": question_of(talk), "replace": True, **method})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The text without them."""
        answer = got.json
        return passed(talk, text_in(answer, "new_prompt"), answer)


def passed(talk: Conversation, text: str, answer: Any) -> Conversation:
    """The conversation with a text that a guardrail let through, perhaps changed."""
    completion = None
    if talk.asked is not None:
        last = talk.answer.completion if talk.answer is not None else None
        completion = completion_of(text) if last is None else with_text(last, text)
    checked = replace(talk, answer=Answer(answer, completion))
    if text == talk.query:
        return checked
    return replace(checked, query=text, messages=[{"role": "user", "content": text}])
