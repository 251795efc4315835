"""Embedding service: OPEA's and OpenAI's ``/v1/embeddings``, and TEI's ``/embed`` and ``/info``."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from opea_pulumi.embedded._protocol import (
    EmbeddingRequest,
    EmbeddingResponse,
    EmbeddingResponseData,
    EmbedDoc,
    TextDoc,
    UsageInfo,
)
from opea_pulumi.embedded._service import create_app, run
from opea_pulumi.embedded._tei import check_batch, info
from opea_pulumi.embedded._wordllama import DEFAULT_MODEL, MODELS, Vectors, check_model, load_embedder
from opea_pulumi.errors import OperationError

__all__ = ["main", "make_app"]


class TeiEmbedRequest(BaseModel):
    """TEI's request; ``truncate`` changes nothing, as no text is too long for this model."""

    inputs: str | list[str]
    normalize: bool = True
    truncate: bool = False
    prompt_name: str | None = None


def make_app(model_id: str | None = None) -> FastAPI:
    """The service for a model (default: EMBEDDING_MODEL_ID, then wordllama-256)."""
    name = check_model(model_id or os.environ.get("EMBEDDING_MODEL_ID") or DEFAULT_MODEL)
    app = create_app("embedding", "Text embeddings by wordllama", max_body=32 * 2**20)

    @app.post("/v1/embeddings")
    def embeddings(request: EmbeddingRequest | TextDoc) -> EmbeddingResponse | EmbedDoc:
        if isinstance(request, TextDoc):
            return _embed_text_doc(name, request)
        return _embed_openai(name, request)

    @app.post("/")
    @app.post("/embed")
    def tei_embed(request: TeiEmbedRequest) -> list[list[float]]:
        texts = [request.inputs] if isinstance(request.inputs, str) else request.inputs
        return [row.tolist() for row in _vectors(name, texts, normalize=request.normalize)]

    @app.get("/info")
    def tei_info() -> dict[str, Any]:
        return info(name, {"embedding": {"pooling": "mean"}})

    return app


def _vectors(model_id: str, texts: Sequence[str], *, normalize: bool = True) -> Vectors:
    check_batch(texts)
    return load_embedder(model_id).embed([text.replace("\n", " ") for text in texts], normalize=normalize)


def _embed_text_doc(model_id: str, document: TextDoc) -> EmbedDoc:
    if isinstance(document.text, str):
        vector = _vectors(model_id, [document.text])[0].tolist()
        return EmbedDoc(id=document.id, text=document.text, embedding=vector)
    return EmbedDoc(id=document.id, text=document.text, embedding=_vectors(model_id, document.text).tolist())


def _embed_openai(model_id: str, request: EmbeddingRequest) -> EmbeddingResponse:
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not all(isinstance(text, str) for text in texts):
        raise OperationError("input must be a string or a list of strings, not tokens", code="bad-input")
    if request.dimensions not in (None, MODELS[model_id]):
        raise OperationError(
            f"{model_id} has {MODELS[model_id]} dimensions, no other number", code="bad-input"
        )
    strings = [str(text) for text in texts]
    vectors = _vectors(model_id, strings)
    tokens = load_embedder(model_id).count_tokens(strings)
    coded = request.encoding_format == "base64"
    return EmbeddingResponse(
        model=model_id,
        data=[
            EmbeddingResponseData(index=index, embedding=_base64(vector) if coded else vector.tolist())
            for index, vector in enumerate(vectors)
        ],
        usage=UsageInfo(prompt_tokens=tokens, total_tokens=tokens),
    )


def _base64(vector: Vectors) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see ``--help``."""
    run("embedding", make_app, arguments)


if __name__ == "__main__":
    main()
