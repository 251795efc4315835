"""Vectors, passages and their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, Document, pick
from ._request import question_of
from ._sent import Received, Sent

_SEARCH = (
    "search_type",
    "k",
    "fetch_k",
    "lambda_mult",
    "score_threshold",
    "distance_threshold",
    "index_name",
)


class Embedding(Always):
    """EmbeddingRequest -> EmbeddingResponse."""

    def request(self, ask: Ask) -> Sent:
        """``{"input"}``."""
        return Sent.json({"input": question_of(ask.talk)})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The first vector."""
        answer = got.json
        vector = vector_in(answer["data"][0])
        return replace(talk, embedding=vector, answer=Answer(answer))


class Retrieval(Always):
    """EmbedDoc -> SearchedDoc with metadata (or ``[]`` from an empty store)."""

    def request(self, ask: Ask) -> Sent:
        """Text, vector (when one was made) and the search parameters."""
        return Sent.json(self._search(ask.talk))

    def _search(self, talk: Conversation) -> dict[str, Any]:
        vector = {} if talk.embedding is None else {"embedding": talk.embedding}
        return {"text": question_of(talk), **vector, **pick(talk.parameters, _SEARCH)}

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The passages, each with its source."""
        answer = got.json
        found = answer if isinstance(answer, list) else answer["retrieved_docs"]
        metadata = [] if isinstance(answer, list) else answer.get("metadata") or []
        about = [*metadata, *[{}] * (len(found) - len(metadata))]
        documents = tuple(_document(passage, extra) for passage, extra in zip(found, about, strict=False))
        return replace(talk, documents=documents, answer=Answer(answer))


class WebRetriever(Retrieval):
    """EmbedDoc -> SearchedDoc: what a search engine finds, in the order of the vector."""

    def _search(self, talk: Conversation) -> dict[str, Any]:
        """SearchQnA looks at one page unless it is told: a page has many passages."""
        vector = {} if talk.embedding is None else {"embedding": talk.embedding}
        return {"text": question_of(talk), **vector, "k": talk.given.get("k", 1)}


class Reranking:
    """SearchedDoc -> LLMParamsDoc (``documents``) or RerankedDoc (``reranked_docs``)."""

    def idle(self, talk: Conversation) -> bool:
        """Nothing found, nothing to put in order: as in OPEA's ChatQnA."""
        return not talk.documents

    def request(self, ask: Ask) -> Sent:
        """The question and the passages."""
        passages = [{"text": document.text} for document in ask.talk.documents or ()]
        top_n = ask.talk.parameters["top_n"]
        return Sent.json({"initial_query": question_of(ask.talk), "retrieved_docs": passages, "top_n": top_n})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The passages in their new order; the answer has texts only, so sources are found by text."""
        answer = got.json
        kept = _kept(answer)
        known = {document.text: document for document in reversed(talk.documents or ())}
        texts = [_document(passage).text for passage in kept]
        documents = tuple(known.get(text, Document(text)) for text in texts)
        return replace(talk, documents=documents, answer=Answer(answer))


class RetrievalTool(Retrieval):
    """ChatCompletionRequest -> what the flow of a DocIndexRetriever ends with."""

    def request(self, ask: Ask) -> Sent:
        """The question and the parameters of the search behind it."""
        chosen = pick(ask.talk.parameters, (*_SEARCH, "top_n"))
        return Sent.json({"messages": question_of(ask.talk), **chosen})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The passages: of a reranker's answer, or of a retriever's."""
        answer = got.json
        if isinstance(answer, list) or "retrieved_docs" in answer:
            return super().read(talk, got)
        documents = tuple(_document(passage) for passage in _kept(answer))
        return replace(talk, documents=documents, answer=Answer(answer))


def found_documents(talk: Conversation) -> dict[str, Any]:
    """What was found, with all that is known of it, as SearchedMultimodalDoc has it."""
    documents = talk.documents or ()
    return {
        "retrieved_docs": [{"text": document.text} for document in documents],
        "initial_query": question_of(talk),
        "top_n": talk.parameters["top_n"],
        "metadata": [dict(document.metadata) for document in documents],
    }


def vector_in(document: Any) -> list[float]:
    """An answer's vector. KeyError, TypeError or ValueError when there is none."""
    vector = document["embedding"]
    if not isinstance(vector, list) or not vector:
        raise ValueError("no vector")
    return vector


def _kept(answer: Any) -> Any:
    return answer["documents"] if "documents" in answer else answer["reranked_docs"]


def _document(passage: Any, about: Any = None) -> Document:
    if isinstance(passage, str):
        return Document(passage)
    text = passage["text"]
    inner = passage.get("metadata")
    places: list[Mapping[str, Any]] = [place for place in (about, inner) if isinstance(place, dict)]
    source = next((place["source"] for place in places if place.get("source")), "")
    if not isinstance(text, str):
        raise TypeError("a passage without text")
    return Document(text, str(source), places[0] if places else {})
