"""LLM service: OpenAI's ``/v1/chat/completions`` and ``/v1/models``.

With ``LLM_ENDPOINT`` it passes requests to that OpenAI-compatible server. Without, it is extractive:
it quotes the documents that come with the request, says so, and says "I don't know" otherwise.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from opea_pulumi.embedded._answer import answer
from opea_pulumi.embedded._chat import Completion
from opea_pulumi.embedded._prompt import task_of
from opea_pulumi.embedded._protocol import ChatCompletionRequest, LLMParamsDoc, SearchedDoc
from opea_pulumi.embedded._service import create_app, run
from opea_pulumi.embedded._upstream import PATIENCE, Upstream
from opea_pulumi.embedded._wordllama import load_embedder
from opea_pulumi.errors import OperationError

__all__ = ["EXTRACTIVE", "main", "make_app"]

EXTRACTIVE = "opea-extractive"
"""The model's name when it quotes: never that of a model that did not answer."""

LlmRequest = ChatCompletionRequest | LLMParamsDoc | SearchedDoc


def make_app(upstream: Upstream | None = None) -> FastAPI:
    """The service (default: as LLM_ENDPOINT, LLM_MODEL_ID and OPENAI_API_KEY say)."""
    server = upstream or _upstream_from_environment()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        if server is not None:
            await server.close()

    app = create_app("llm", "Chat completions", lifespan=lifespan, max_body=32 * 2**20)

    @app.post("/v1/chat/completions")
    async def chat_completions(body: LlmRequest, request: Request) -> Response:
        asked = _as_chat(body)
        if server is not None:
            return await _unless_disconnected(request, server.chat(asked))
        return await run_in_threadpool(_extractive, asked)

    @app.get("/v1/models")
    async def models() -> Response:
        if server is not None and not server.model:
            return await server.models()
        return _models(server.model if server is not None else EXTRACTIVE)

    return app


def _upstream_from_environment() -> Upstream | None:
    """LLM_ENDPOINT, OPENAI_API_KEY, LLM_MODEL_ID and LLM_TIMEOUT_SECONDS."""
    endpoint = os.environ.get("LLM_ENDPOINT")
    if not endpoint:
        return None
    try:
        patience = float(os.environ.get("LLM_TIMEOUT_SECONDS") or PATIENCE)
    except ValueError:
        raise OperationError("LLM_TIMEOUT_SECONDS must be a number", code="bad-setting") from None
    key, model = os.environ.get("OPENAI_API_KEY", ""), os.environ.get("LLM_MODEL_ID", "")
    return Upstream(endpoint, key, model, patience)


def _as_chat(body: LlmRequest) -> ChatCompletionRequest:
    """OPEA's two other requests, as a chat request with documents."""
    if isinstance(body, ChatCompletionRequest):
        return body
    if isinstance(body, SearchedDoc):
        texts = [
            doc.text if isinstance(doc.text, str) else "\n".join(doc.text) for doc in body.retrieved_docs
        ]
        return ChatCompletionRequest(messages=body.initial_query, documents=texts, stream=True)
    fields = body.model_dump(exclude_unset=True, exclude={"query", "id", "max_new_tokens"})
    return ChatCompletionRequest(**{"stream": body.stream, **fields, "messages": body.query})


def _extractive(request: ChatCompletionRequest) -> Response:
    task = task_of(request)
    text = answer(task)
    tokens = load_embedder().count_tokens
    prompt_tokens = tokens([task.question, *(document.text for document in task.documents)])
    completion = Completion(EXTRACTIVE, text, prompt_tokens, tokens([text]))
    if not request.stream:
        return JSONResponse(completion.whole())
    usage = bool((request.stream_options or {}).get("include_usage"))
    return StreamingResponse(completion.events(include_usage=usage), media_type="text/event-stream")


def _models(model: str) -> Response:
    return JSONResponse(
        {"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": "opea"}]}
    )


async def _unless_disconnected(request: Request, answering: Awaitable[Response]) -> Response:
    """Await the answer, but give it up (and with it the call upstream) when the client has gone."""
    task = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(request.receive())  # the body was read: what comes next is the end
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return Response(status_code=499)  # nobody reads it; nginx's number for the access log
    finally:
        for future in (task, gone):
            if not future.done():
                future.cancel()
                with suppress(asyncio.CancelledError):
                    await future


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see ``--help``."""
    run("llm", make_app, arguments)


if __name__ == "__main__":
    main()
