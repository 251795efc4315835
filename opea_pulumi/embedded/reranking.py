"""Reranking service: OPEA's ``/v1/reranking``, and TEI's ``/rerank`` and ``/info``.

The score, 0 to 1, is half the share of the question's words that the passage holds (_relevance.py)
and half the cosine of their vectors; only half of that is left when a telling word is missing. It is
deterministic, and strong where near-duplicates differ in one word.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from opea_pulumi.embedded._protocol import (
    ChatCompletionRequest,
    LLMParamsDoc,
    RerankedText,
    RerankingRequest,
    RerankingResponse,
    SearchedDoc,
)
from opea_pulumi.embedded._relevance import Question, TextWords
from opea_pulumi.embedded._service import create_app, run
from opea_pulumi.embedded._tei import check_batch, info
from opea_pulumi.embedded._wordllama import load_embedder

__all__ = ["main", "make_app", "rank"]

DEFAULT_MODEL = "wordllama-overlap"


class TeiRerankRequest(BaseModel):
    """TEI's request; the scores are 0 to 1 with ``raw_scores`` too."""

    query: str
    texts: list[str]
    return_text: bool = False
    raw_scores: bool = False
    truncate: bool = False


def rank(query: str, texts: Sequence[str]) -> list[tuple[int, float]]:
    """(index, score) of every text, best first; equal scores keep their order."""
    embedder = load_embedder()
    question = Question(embedder, query)
    scores = [_score(question, text) for text in texts]
    return sorted(enumerate(scores), key=lambda pair: -pair[1])


def _score(question: Question, text: str) -> float:
    matches = question.matches(TextWords(question.embedder, text))
    score = (question.covered(matches) + question.cosine(text)) / 2
    return score / 2 if question.misses(matches) else score


def make_app() -> FastAPI:
    """The service; RERANK_MODEL_ID only changes the name it reports."""
    model_id = os.environ.get("RERANK_MODEL_ID") or DEFAULT_MODEL
    app = create_app("reranking", "Passages by relevance to a question", max_body=32 * 2**20)

    @app.post("/v1/reranking")
    def reranking(
        request: SearchedDoc | RerankingRequest | ChatCompletionRequest,
    ) -> LLMParamsDoc | RerankingResponse | ChatCompletionRequest:
        if isinstance(request, SearchedDoc):
            texts = [text for doc in request.retrieved_docs for text in _as_list(doc.text)]
            best = _best(request.initial_query, texts, request.top_n)
            return LLMParamsDoc(query=request.initial_query, documents=[doc.text for doc in best])
        texts = [doc if isinstance(doc, str) else doc.text for doc in request.retrieved_docs]
        if isinstance(request, RerankingRequest):
            return RerankingResponse(reranked_docs=_best(request.input, texts, request.top_n))
        best = _best(request.query(), texts, request.top_n)
        return request.model_copy(update={"reranked_docs": best, "documents": [doc.text for doc in best]})

    @app.post("/")
    @app.post("/rerank")
    def tei_rerank(request: TeiRerankRequest) -> list[dict[str, Any]]:
        check_batch(request.texts)
        found = [{"index": index, "score": score} for index, score in rank(request.query, request.texts)]
        if request.return_text:
            return [item | {"text": request.texts[int(item["index"])]} for item in found]
        return found

    @app.get("/info")
    def tei_info() -> dict[str, Any]:
        labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
        return info(model_id, {"reranker": labels})

    return app


def _as_list(text: str | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else text


def _best(query: str, texts: Sequence[str], top_n: int) -> list[RerankedText]:
    return [RerankedText(text=texts[index], score=score) for index, score in rank(query, texts)[:top_n]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see ``--help``."""
    run("reranking", make_app, arguments)


if __name__ == "__main__":
    main()
