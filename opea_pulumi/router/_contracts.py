"""What each step is asked and what it answers (OPEA release 1.5 microservices, opea.md 6.3).

A contract builds a request from the conversation and reads the answer back into it. An answer of
the wrong shape is a ValueError, TypeError, KeyError or IndexError; the caller knows whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from opea_pulumi.flow import Contract

from ._conversation import Ask, Conversation, Document
from ._llm import Llm
from ._request import question_of


class StepContract(Protocol):
    """One kind of step."""

    needs_documents: bool
    """Whether the step has nothing to do when nothing was retrieved."""

    def request(self, ask: Ask) -> dict[str, Any]:
        """The JSON object to send. Raises RouterError for what only the client can mend."""

    def read(self, talk: Conversation, answer: Any) -> Conversation:
        """The conversation after the step."""


class Embedding:
    """EmbeddingRequest -> EmbeddingResponse."""

    needs_documents = False

    def request(self, ask: Ask) -> dict[str, Any]:
        """``{"input"}``."""
        return {"input": question_of(ask.talk)}

    def read(self, talk: Conversation, answer: Any) -> Conversation:
        """The first vector."""
        vector = answer["data"][0]["embedding"]
        if not isinstance(vector, list) or not vector:
            raise ValueError("no vector")
        return replace(talk, embedding=vector, answer=answer)


class Retrieval:
    """EmbedDoc -> SearchedDoc with metadata (or ``[]`` from an empty store)."""

    _PARAMETERS = (
        "search_type",
        "k",
        "fetch_k",
        "lambda_mult",
        "score_threshold",
        "distance_threshold",
        "index_name",
    )

    needs_documents = False

    def request(self, ask: Ask) -> dict[str, Any]:
        """Text, vector (when one was made) and the search parameters."""
        talk = ask.talk
        vector = {} if talk.embedding is None else {"embedding": talk.embedding}
        parameters = {name: talk.parameters[name] for name in self._PARAMETERS if name in talk.parameters}
        return {"text": question_of(talk), **vector, **parameters}

    def read(self, talk: Conversation, answer: Any) -> Conversation:
        """The passages, each with its source."""
        found = answer if isinstance(answer, list) else answer["retrieved_docs"]
        metadata = [] if isinstance(answer, list) else answer.get("metadata") or []
        about = [*metadata, *[{}] * (len(found) - len(metadata))]
        documents = tuple(_document(passage, extra) for passage, extra in zip(found, about, strict=False))
        return replace(talk, documents=documents, answer=answer)


class Reranking:
    """SearchedDoc -> LLMParamsDoc (``documents``) or RerankedDoc (``reranked_docs``)."""

    needs_documents = True

    def request(self, ask: Ask) -> dict[str, Any]:
        """The question and the passages."""
        passages = [{"text": document.text} for document in ask.talk.documents or ()]
        top_n = ask.talk.parameters["top_n"]
        return {"initial_query": question_of(ask.talk), "retrieved_docs": passages, "top_n": top_n}

    def read(self, talk: Conversation, answer: Any) -> Conversation:
        """The passages in their new order; the answer has texts only, so sources are found by text."""
        kept = answer["documents"] if "documents" in answer else answer["reranked_docs"]
        sources = {document.text: document.source for document in reversed(talk.documents or ())}
        texts = [_document(passage).text for passage in kept]
        documents = tuple(Document(text, sources.get(text, "")) for text in texts)
        return replace(talk, documents=documents, answer=answer)


def _document(passage: Any, about: Any = None) -> Document:
    if isinstance(passage, str):
        return Document(passage)
    text = passage["text"]
    inner = passage.get("metadata")
    places: list[Mapping[str, Any]] = [place for place in (about, inner) if isinstance(place, dict)]
    source = next((place["source"] for place in places if place.get("source")), "")
    if not isinstance(text, str):
        raise TypeError("a passage without text")
    return Document(text, str(source))


STEP_CONTRACTS: Mapping[Contract, StepContract] = {
    Contract.EMBEDDING: Embedding(),
    Contract.RETRIEVAL: Retrieval(),
    Contract.RERANKING: Reranking(),
    Contract.LLM: Llm(),
}
"""The contracts the router can run; the rest only describe servers."""
