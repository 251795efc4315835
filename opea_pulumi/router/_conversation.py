"""What travels through an aligned flow: one frozen state, so that branches can share it and be merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opea_pulumi.flow import Contract, Step

from ._call import StepReply


@dataclass(frozen=True)
class Document:
    """A retrieved passage and the file it is from (empty when the store does not say)."""

    text: str
    source: str = ""

    def to_dict(self) -> dict[str, str]:
        """As it stands in an answer's ``sources``."""
        return {"source": self.source, "text": self.text}


@dataclass(frozen=True)
class Conversation:
    """The state of one request.

    ``messages`` is what the client said, as it said it; ``query`` the same as one text;
    ``parameters`` what it set, with defaults; ``given`` the names it really gave.
    ``documents`` is None until something has been retrieved. ``answer`` is the last step's JSON and
    ``kind`` that step's contract; ``stream`` is its open answer when the client wants the tokens as
    they come.
    """

    query: str
    messages: list[Any]
    parameters: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    embedding: list[float] | None = None
    documents: tuple[Document, ...] | None = None
    answer: Any = None
    kind: Contract | None = None
    stream: StepReply | None = None

    @property
    def sources(self) -> list[dict[str, str]] | None:
        """The passages the answer rests on; None when the flow retrieves nothing at all."""
        return None if self.documents is None else [document.to_dict() for document in self.documents]


def merge(before: Conversation, branches: Sequence[Conversation]) -> Conversation:
    """What the branches made of one conversation.

    Documents of all branches that have new ones, in step order, each text once. Of everything else
    (answer, question, vector) the last branch in step order that made a new one has its way.
    """
    merged, documents = before, dict[str, Document]()
    for branch in branches:
        if branch.documents is not before.documents:
            for document in branch.documents or ():
                documents.setdefault(document.text, document)
            merged = replace(merged, documents=tuple(documents.values()))
        if branch.answer is not before.answer:
            merged = replace(merged, answer=branch.answer, kind=branch.kind)
        if branch.messages is not before.messages:
            merged = replace(merged, messages=branch.messages, query=branch.query)
        if branch.embedding is not before.embedding:
            merged = replace(merged, embedding=branch.embedding)
    return merged


@dataclass(frozen=True)
class Ask:
    """A step about to be asked; ``final`` means that its answer is the client's."""

    talk: Conversation
    step: Step
    final: bool
