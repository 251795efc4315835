"""OpenAI's ``/v1/embeddings`` and the usual ``/v1/rerank``, each answered by a step of the flow."""

from __future__ import annotations

import base64
import struct
import uuid
from collections import defaultdict, deque
from http import HTTPStatus
from typing import Any

from opea_pulumi.flow import Contract, Step

from ._call import Caller
from ._errors import RouterError, bad_answer, bad_request
from ._json import dumps, loads
from ._plan import Plan

_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, OverflowError)


class Surface:
    """What the flow's steps can do for themselves."""

    def __init__(self, plan: Plan) -> None:
        self._name = plan.name
        self._embedding = plan.first(Contract.EMBEDDING)
        self._reranking = plan.first(Contract.RERANKING)

    async def embeddings(self, caller: Caller, asked: dict[str, Any]) -> dict[str, Any]:
        """OpenAI's CreateEmbeddingResponse.

        The client's fields go to the step as they are. Its vectors are packed when the client wants
        base64 (as the ``openai`` package does unless told otherwise) and the step gave numbers.

        Raises:
            RouterError: no such step (404), a bad request, or the step failed.
        """
        step = _there(self._embedding, "an embedding step")
        if not asked.get("input"):
            raise bad_request("bad-input", "input must be a text, or a list of them")
        form = asked.get("encoding_format") or "float"
        if form not in ("float", "base64"):
            raise bad_request("bad-encoding", "encoding_format is float or base64")
        answer = await self._ask(caller, step, self._without_own_name(asked))
        try:
            vectors = [
                {"object": "embedding", "index": index, "embedding": _encoded(item["embedding"], form)}
                for index, item in enumerate(sorted(answer["data"], key=lambda item: item.get("index") or 0))
            ]
            usage = answer.get("usage") or {"prompt_tokens": 0, "total_tokens": 0}
            model = answer.get("model") or asked.get("model") or self._name
        except _MALFORMED:
            raise bad_answer(step.label, "did not answer with embeddings") from None
        return {"object": "list", "data": vectors, "model": model, "usage": usage}

    async def rerank(self, caller: Caller, asked: dict[str, Any]) -> dict[str, Any]:
        """Documents in the order of their relevance, as Jina's, Cohere's and vLLM's interfaces have it.

        Raises:
            RouterError: no such step (404), a bad request, or the step failed.
        """
        step = _there(self._reranking, "a reranking step")
        query, texts = _question(asked), _texts(asked.get("documents"))
        top_n = asked.get("top_n")
        if top_n is None:
            top_n = len(texts)
        if isinstance(top_n, bool) or not isinstance(top_n, int) or top_n < 1:
            raise bad_request("bad-top-n", "top_n must be a number from 1 on")
        # OPEA's RerankingRequest: the one form of its three that is answered with scores
        passages = [{"text": text} for text in texts]
        request = {"input": query, "retrieved_docs": passages, "top_n": min(top_n, len(texts))}
        answer = await self._ask(caller, step, request)
        try:
            results = _ranked(answer, texts)[:top_n]
        except _MALFORMED:
            raise bad_answer(step.label, "did not answer with an order of the documents") from None
        if asked.get("return_documents") is False:
            for result in results:
                del result["document"]
        model = asked.get("model") or self._name
        return {"id": f"rerank-{uuid.uuid4().hex}", "model": model, "results": results}

    def _without_own_name(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The application's own name as a model means whatever the step serves."""
        if asked.get("model") != self._name:
            return asked
        return {name: value for name, value in asked.items() if name != "model"}

    async def _ask(self, caller: Caller, step: Step, request: dict[str, Any]) -> Any:
        try:
            body = dumps(request)
        except ValueError:
            raise bad_request("bad-number", "the request holds a number that is too large") from None
        reply = await caller.post(step, body, reads_only=True)
        await reply.check()
        text = await reply.read()
        try:
            return loads(text)
        except ValueError:
            raise bad_answer(step.label, "did not answer in JSON") from None


def _there(step: Step | None, what: str) -> Step:
    if step is None:
        raise RouterError(HTTPStatus.NOT_FOUND, "no-such-step", f"this flow does not have {what}")
    return step


def _encoded(vector: Any, form: str) -> Any:
    """A vector as the client wants it: numbers, or base64 of little-endian 32-bit floats."""
    if isinstance(vector, str):
        raw = base64.b64decode(vector, validate=True)
        return vector if form == "base64" else list(struct.unpack(f"<{len(raw) // 4}f", raw))
    if not vector:
        raise ValueError("no vector")
    packed = struct.pack(f"<{len(vector)}f", *vector)
    return base64.b64encode(packed).decode() if form == "base64" else vector


def _question(asked: dict[str, Any]) -> str:
    query = asked.get("query")
    if not isinstance(query, str) or not query.strip():
        raise bad_request("no-question", "query must be a text")
    return query


def _texts(documents: Any) -> list[str]:
    texts = []
    for document in documents if isinstance(documents, list) else ():
        text = document.get("text") if isinstance(document, dict) else document
        if not isinstance(text, str):
            break
        texts.append(text)
    if not texts or len(texts) < len(documents):
        raise bad_request("bad-documents", "documents must be a list of texts, or of objects with a text")
    return texts


def _ranked(answer: Any, texts: list[str]) -> list[dict[str, Any]]:
    """The step's order; it names texts only, so the n-th time a text comes it is the n-th of its kind."""
    places: defaultdict[str, deque[int]] = defaultdict(deque)
    for index, text in enumerate(texts):
        places[text].append(index)
    kept = answer["reranked_docs"] if "reranked_docs" in answer else answer["documents"]
    results = []
    for passage in kept:
        text, score = (passage, None) if isinstance(passage, str) else (passage["text"], passage.get("score"))
        index = places[text].popleft()
        results.append({"index": index, "relevance_score": score, "document": {"text": text}})
    return results
