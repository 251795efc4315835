"""Models that see, and the search for pictures and videos that they answer about."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._errors import RouterError, bad_request
from ._llm import Llm
from ._media import plain_base64
from ._openai import content_of
from ._request import question_of
from ._search import Retrieval, found_documents, vector_in
from ._sent import JSON, Received, Sent, StreamForm
from ._text import answered, completion_of, text_in

_CHAT = "/v1/chat/completions"
_PARAMETERS = ("top_k", "top_p", "temperature", "repetition_penalty")
_PIECE = ("video_url", "chunk_start", "chunk_duration", "prompt")


class Lvm(Always):
    """LVMDoc, LVMSearchedMultimodalDoc or LVMVideoDoc -> TextDoc; a server's chat completions by its path."""

    def request(self, ask: Ask) -> Sent:
        """The question, and what it is about: a piece of a video, what was found, or pictures."""
        talk = ask.talk
        if urlsplit(ask.step.url).path.endswith(_CHAT):
            return Llm().request(ask)
        if talk.video is not None:
            piece = {name: talk.video[name] for name in _PIECE}
            limit = talk.parameters["max_tokens"]
            return Sent.json({**piece, "max_new_tokens": limit}, StreamForm.RAW if ask.streams else None)
        about = self._pictures(talk) if talk.documents is None else self._found(talk)
        parameters = pick(talk.parameters, _PARAMETERS)
        limit = {"max_new_tokens": talk.parameters["max_tokens"]}
        form = StreamForm.TEXT if ask.streams else None
        return Sent.json({**about, **limit, **parameters, "stream": ask.streams}, form)

    def _pictures(self, talk: Conversation) -> dict[str, Any]:
        pictures = [picture_of(image) for image in talk.images]
        return {
            "prompt": question_of(talk),
            "image": pictures[0] if len(pictures) == 1 else pictures or "",
        }

    def _found(self, talk: Conversation) -> dict[str, Any]:
        if not talk.documents:
            message = "nothing was found that the question could be answered from"
            raise RouterError(HTTPStatus.NOT_FOUND, "nothing-found", message)
        template = talk.parameters.get("chat_template")
        return found_documents(talk) | ({} if template is None else {"chat_template": template})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The answer's text; about a piece of a video it comes bare."""
        if talk.video is not None and got.content_type != JSON:
            line, newline, text = got.body.decode().partition("\n")  # the first line tells the piece
            if not (newline and line.startswith("{")):
                raise ValueError("no line about the video")
            return answered(talk, text, Answer({"text": text}, completion_of(text)))
        answer = got.json
        if "choices" in answer:
            return answered(talk, content_of(answer), Answer(answer, answer))
        text = text_in(answer)
        return answered(talk, text, Answer(answer, completion_of(text, metadata=answer.get("metadata"))))


class MultimodalEmbedding(Always):
    """TextDoc or TextImageDoc -> EmbedMultimodalDoc."""

    def request(self, ask: Ask) -> Sent:
        """The question, and the first picture if there is one."""
        text, images = question_of(ask.talk), ask.talk.images
        if not images:
            return Sent.json({"text": text})
        return Sent.json({"text": {"text": text}, "image": {"base64_image": picture_of(images[0])}})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The vector."""
        answer = got.json
        return replace(talk, embedding=vector_in(answer), answer=Answer(answer))


class MultimodalRetrieval(Retrieval):
    """EmbedMultimodalDoc -> SearchedMultimodalDoc."""

    def _search(self, talk: Conversation) -> dict[str, Any]:
        picture = {"base64_image": picture_of(talk.images[0])} if talk.images else {}
        return {**super()._search(talk), **picture}


class VideoReranking:
    """SearchedMultimodalDoc -> LVMVideoDoc: the piece of a video that was found most often."""

    def idle(self, talk: Conversation) -> bool:
        """Nothing found: the lvm says so."""
        return not talk.documents

    def request(self, ask: Ask) -> Sent:
        """The question and what was found."""
        return Sent.json(found_documents(ask.talk))

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The piece, with the question about it."""
        answer = got.json
        piece = {name: answer[name] for name in _PIECE}
        text_in(piece, "video_url")
        return replace(talk, video=piece, answer=Answer(answer))


def picture_of(image: str) -> str:
    """A picture as base64.

    Raises:
        RouterError: it is an address (400). OPEA's gateways fetch it, or read it from their own disk; a
            service inside that any client can send anywhere is a hole.
    """
    if "://" in image[:16]:
        message = "pictures are not fetched: send the picture itself, in base64 or as a data: URL"
        raise bad_request("image-address", message)
    return plain_base64(image)
