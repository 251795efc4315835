"""Answers that are a text, and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._conversation import Answer, Conversation
from ._openai import new_head, no_usage


def completion_of(text: str, *, reason: str = "stop", metadata: Any = None) -> dict[str, Any]:
    """A text as the ChatCompletion that OPEA's gateways make of it (without a model's name)."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}
    extra = {"metadata": metadata} if isinstance(metadata, dict) else {}
    return {**new_head("chat.completion"), "choices": [{**choice, **extra}], "usage": no_usage()}


def answered(talk: Conversation, text: str, answer: Answer) -> Conversation:
    """The conversation after an answer in words: for a step after this one it is the new question."""
    return replace(
        talk,
        answer=answer,
        asked=talk.query,
        query=text,
        messages=[{"role": "user", "content": text}],
        prompt=None,
    )


def with_text(completion: Any, text: str) -> Any:
    """The completion with other words in its first choice."""
    first, *rest = completion["choices"]
    first = {**first, "message": {**first["message"], "content": text}}
    return {**completion, "choices": [first, *rest]}


def text_in(document: Any, name: str = "text") -> str:
    """A field that must be a text. KeyError or TypeError when it is none."""
    text = document[name]
    if not isinstance(text, str):
        raise TypeError(f"{name} is no text")
    return text
