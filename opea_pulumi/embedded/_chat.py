"""OpenAI's chat completion objects around an answer that is already there, whole or as a stream."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Completion"]

_WORD_GROUP = re.compile(r"(?s)\s*\S+(?:\s+\S+){0,2}\s*?(?=\s|$)|\s+$")


def _new_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


@dataclass(frozen=True)
class Completion:
    """An answer; token counts are the embedding model's tokenizer's."""

    model: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str = "stop"
    id: str = field(default_factory=_new_id)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self) -> dict[str, Any]:
        """``chat.completion``."""
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return self._head("chat.completion") | {"choices": [choice], "usage": self._usage()}

    def events(self, *, include_usage: bool) -> Iterator[str]:
        """Server-sent events of ``chat.completion.chunk``: the role, the text in word groups, the end."""
        yield self._event({"role": "assistant", "content": ""}, None)
        for group in _WORD_GROUP.findall(self.text):
            yield self._event({"content": group}, None)
        yield self._event({}, self.finish_reason)
        if include_usage:
            chunk = self._head("chat.completion.chunk") | {"choices": [], "usage": self._usage()}
            yield f"data: {json.dumps(chunk)}\n\n"
        yield "data: [DONE]\n\n"

    def _event(self, delta: dict[str, str], finish_reason: str | None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        chunk = self._head("chat.completion.chunk") | {"choices": [choice]}
        return f"data: {json.dumps(chunk)}\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _usage(self) -> dict[str, int]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
