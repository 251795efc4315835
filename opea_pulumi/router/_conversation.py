"""What travels through an aligned flow: one frozen state, so that branches can share it and be merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opea_pulumi.flow import Step

from ._call import StepReply
from ._media import Media
from ._sent import StreamForm


@dataclass(frozen=True)
class Document:
    """A retrieved passage, its file (empty when the store does not say), and what else is known of it."""

    text: str
    source: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def to_dict(self) -> dict[str, str]:
        """As it stands in an answer's ``sources``."""
        return {"source": self.source, "text": self.text}


@dataclass(frozen=True)
class Answer:
    """What a step answered.

    ``json`` is its JSON, by which conditions go (None for bytes). ``completion`` is the same as a chat
    completion, when it is a text. ``shown`` is what the client of the mega endpoint gets in their place.
    ``blocked`` tells that a guardrail said no: the flow ends.
    """

    json: Any = None
    completion: Any = None
    shown: Any = None
    blocked: bool = False


@dataclass(frozen=True)
class Conversation:
    """The state of one request.

    ``messages`` is what the client said, as it said it; ``query`` the same as one text;
    ``parameters`` what it set, with defaults; ``given`` the names it really gave. ``audio`` is sound: the
    client's (base64 as a text, not yet looked at) or a step's; ``images`` are pictures, base64 or URLs.
    After a step that answers with a text, that text is ``query`` and ``asked`` the question before it.
    ``prompt`` is a text made for the next llm, ``template`` what such a text is to be made of.
    ``documents`` is None until something has been retrieved; ``video`` is the piece of a video that the
    question is about. ``answer`` is the last step's; ``stream`` its open answer, of the form ``form``, when
    the client wants the tokens as they come.
    """

    query: str
    messages: list[Any]
    parameters: Mapping[str, Any]
    given: Mapping[str, Any] = field(default_factory=dict)
    audio: str | Media | None = None
    images: tuple[str, ...] = ()
    asked: str | None = None
    prompt: str | None = None
    template: Mapping[str, Any] | None = None
    embedding: list[float] | None = None
    documents: tuple[Document, ...] | None = None
    video: Mapping[str, Any] | None = None
    answer: Answer | None = None
    stream: StepReply | None = None
    form: StreamForm = StreamForm.CHAT

    @property
    def sources(self) -> list[dict[str, str]] | None:
        """The passages the answer rests on; None when the flow retrieves nothing at all."""
        return None if self.documents is None else [document.to_dict() for document in self.documents]


# what changes together; of each group the last branch that changed its first field has its way
_GROUPS = (
    ("answer",),
    ("messages", "query", "asked"),
    ("prompt",),
    ("template",),
    ("embedding",),
    ("audio",),
    ("images",),
    ("video",),
)


def merge(before: Conversation, branches: Sequence[Conversation]) -> Conversation:
    """What the branches made of one conversation.

    Documents of all branches that have new ones, in step order, each text once. Of everything else
    (answer, question, vector, sound) the last branch in step order that made a new one has its way.
    """
    merged, documents = before, dict[str, Document]()
    for branch in branches:
        if branch.documents is not before.documents:
            for document in branch.documents or ():
                documents.setdefault(document.text, document)
            merged = replace(merged, documents=tuple(documents.values()))
        for names in _GROUPS:
            if getattr(branch, names[0]) is not getattr(before, names[0]):
                merged = replace(merged, **{name: getattr(branch, name) for name in names})
    return merged


def pick(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the named values that are there, in the order of the names."""
    return {name: values[name] for name in names if name in values}


class Always:
    """Base of the contracts whose step is asked whatever the conversation holds."""

    def idle(self, _talk: Conversation, /) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class Ask:
    """A step about to be asked; ``final`` means that its answer is the client's."""

    talk: Conversation
    step: Step
    final: bool

    @property
    def streams(self) -> bool:
        """Whether the step's tokens are to come as they are made: the final step's only."""
        return self.final and self.talk.parameters["stream"] is True
