"""Retriever service: OPEA's ``/v1/retrieval`` over the store that dataprep writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from opea_pulumi.embedded._protocol import (
    ChatCompletionRequest,
    EmbeddingResponse,
    EmbedDoc,
    RetrievalRequest,
    RetrievalResponse,
    RetrievedText,
    SearchedDoc,
    SearchParams,
    TextDoc,
)
from opea_pulumi.embedded._search import Passage, search
from opea_pulumi.embedded._service import create_app, run
from opea_pulumi.embedded._settings import StoreSettings
from opea_pulumi.embedded._store import VectorStore
from opea_pulumi.errors import OperationError

__all__ = ["main", "make_app"]


def make_app(settings: StoreSettings | None = None) -> FastAPI:
    """The service over a folder of indices (default: from the environment)."""
    chosen = settings or StoreSettings.from_environment()
    finder = _Finder(VectorStore(Path(chosen.folder), chosen.max_bytes), chosen.index)
    app = create_app("retriever", "Passages nearest to a query", max_body=16 * 2**20)

    @app.post("/v1/retrieval", response_model_exclude_none=True)
    def retrieval(
        request: EmbedDoc | RetrievalRequest | ChatCompletionRequest,
    ) -> SearchedDoc | RetrievalResponse | ChatCompletionRequest:
        if isinstance(request, EmbedDoc):
            return _searched_doc(finder, request)
        if isinstance(request, RetrievalRequest):
            found = finder.find(request.embedding, request.input or "", request)
            return RetrievalResponse(retrieved_docs=_retrieved(found))
        found = finder.find(request.embedding, request.query(), request)
        documents = [passage.text for passage in found]
        return request.model_copy(update={"retrieved_docs": _retrieved(found), "documents": documents})

    return app


class _Finder:
    def __init__(self, store: VectorStore, index: str) -> None:
        self.store = store
        self.index = index

    def find(self, embedding: Any, text: str, params: SearchParams) -> list[Passage]:
        vector, model_id = _vector(embedding)
        return search(self.store, params.index_name or self.index, vector, text, params, model_id)


def _vector(embedding: Any) -> tuple[list[float], str | None]:
    if isinstance(embedding, EmbeddingResponse):
        first = embedding.data[0].embedding if embedding.data else None
        if isinstance(first, list) and first:
            return first, embedding.model
    elif embedding:
        return embedding, None
    raise OperationError("the request holds no vector", code="bad-input", hint="embedding: a list of numbers")


def _searched_doc(finder: _Finder, request: EmbedDoc) -> SearchedDoc:
    """Several texts (OPEA's batch form) are searched one by one, and their passages joined."""
    one = isinstance(request.text, str)
    texts: list[Any] = [request.text] if one else list(request.text)
    vectors: list[Any] = [request.embedding] if one else list(request.embedding)
    if len(texts) != len(vectors) or not all(isinstance(vector, list) for vector in vectors):
        raise OperationError("text and embedding differ in number", code="bad-input")
    found = [
        passage
        for text, vector in zip(texts, vectors, strict=True)
        for passage in finder.find(vector, text, request)
    ]
    return SearchedDoc(
        retrieved_docs=[TextDoc(id=str(passage.id), text=passage.text) for passage in found],
        initial_query=" ".join(texts),
        metadata=[_metadata(passage) for passage in found],
    )


def _retrieved(passages: list[Passage]) -> list[RetrievedText]:
    return [RetrievedText(text=passage.text, metadata=_metadata(passage)) for passage in passages]


def _metadata(passage: Passage) -> dict[str, Any]:
    return {"source": passage.source, "title": passage.title, "score": round(passage.similarity, 6)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see ``--help``."""
    run("retriever", make_app, arguments)


if __name__ == "__main__":
    main()
