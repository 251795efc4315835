"""The RAG prompt: made from documents and a question, and read back into them.

OPEA's prompts mark their parts with ``### Search results:``, ``### Question:`` and ``### Answer:``
(comps 1.5, llms text-generation template). Ours keeps the marks, so either can be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from opea_pulumi.embedded._protocol import ChatCompletionRequest, content_text

__all__ = ["Document", "Task", "rag_prompt", "task_of"]

_PROMPT = re.compile(
    r"(?s)### Search results:(?P<context>.*?)### Question:(?P<question>.*?)(?:### Answer:\s*)?$"
)

INSTRUCTIONS = (
    "You answer questions from the user's own documents. Use only the search results that bear on the"
    " question and name the file they come from. If they don't hold the answer, say that you don't know."
)


@dataclass(frozen=True)
class Document:
    """A passage and the file it comes from; the source is empty when nobody named it."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class Task:
    """What is asked, and of which documents."""

    question: str
    documents: list[Document]


def task_of(request: ChatCompletionRequest) -> Task:
    """The question and documents of a chat request, or of the RAG prompt in its last user message."""
    text = _last_user_text(request.messages)
    given = [_document(item) for item in request.documents or []]
    found = _PROMPT.search(text)
    if found is None:
        return Task(text.strip(), given)
    context = found["context"].strip()
    return Task(found["question"].strip(), given or ([Document(context)] if context else []))


def _last_user_text(messages: str | list[dict[str, Any]]) -> str:
    if isinstance(messages, str):
        return messages
    asked = [message for message in messages if message.get("role") == "user"]
    return content_text(asked[-1].get("content")) if asked else ""


def _document(item: dict[str, Any] | str) -> Document:
    if isinstance(item, str):
        return Document(item)
    text = item.get("text") or item.get("content") or ""
    return Document(str(text), str(item.get("source") or item.get("title") or ""))


def rag_prompt(question: str, documents: Sequence[Document], template: str | None = None) -> str:
    """One prompt for an llm; ``template`` may hold ``{context}`` and ``{question}``, as OPEA's does."""
    context = "\n\n".join(f"[{doc.source}]\n{doc.text}" if doc.source else doc.text for doc in documents)
    if template and "{question}" in template:
        # In one pass: a document that contains "{question}" stays as it is.
        values = {"{context}": context, "{question}": question}
        return re.sub(r"\{(?:context|question)\}", lambda mark: values[mark[0]], template)
    return f"### {INSTRUCTIONS}\n### Search results: {context}\n\n### Question: {question}\n\n### Answer:"
