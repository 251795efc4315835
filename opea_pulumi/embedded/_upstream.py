"""Passes chat requests on to an OpenAI-compatible server, as OPEA's llm-textgen does."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import Response
from fastapi.responses import StreamingResponse

from opea_pulumi.embedded._prompt import rag_prompt, task_of
from opea_pulumi.embedded._protocol import ChatCompletionRequest, SearchParams
from opea_pulumi.errors import OperationError

__all__ = ["Upstream"]

OPEA_ONLY = {*SearchParams.model_fields} | {
    "documents", "chat_template", "input", "embedding", "encoding_format", "dimensions", "retrieved_docs",
    "reranked_docs", "top_n", "request_type", "query", "id",
}  # fmt: skip
"""Fields of OPEA's chat request that mean nothing to a model server; the rest goes through as it came."""

PATIENCE = 600.0
"""Seconds without a byte from the server; OPEA's own limit is 600 s too."""


class Upstream:
    """A model server: ``base_url`` with or without ``/v1``, its key, and the model to ask for.

    ``patience`` is how many seconds it may be silent. Errors it answers with 4xx come back as they
    are; what is its own fault raises OperationError ``upstream-unavailable`` (502) or
    ``upstream-timeout`` (504). The key appears in neither.
    """

    def __init__(self, base_url: str, key: str, model: str, patience: float = PATIENCE) -> None:
        self.base_url = _with_version(base_url)
        self.model = model
        self._key = key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(patience, connect=10)
        # A whole application's requests at once: it is the router that bounds them.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._http = httpx.AsyncClient(timeout=timeout, limits=limits, headers=headers)

    async def chat(self, request: ChatCompletionRequest) -> Response:
        """The server's answer: a stream goes through as it comes."""
        body = self._body(request)
        response = await self._send("POST", "/chat/completions", body)
        if response.status_code < 400 and body.get("stream"):
            media = response.headers.get("content-type", "text/event-stream")
            return StreamingResponse(self._relay(response), media_type=media)
        return await self._whole(response)

    async def models(self) -> Response:
        """The server's list of models."""
        return await self._whole(await self._send("GET", "/models"))

    def _body(self, request: ChatCompletionRequest) -> dict[str, Any]:
        body = request.model_dump(exclude_unset=True, exclude=OPEA_ONLY)
        body = {key: value for key, value in body.items() if value is not None}
        messages = body["messages"]
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        if request.documents:
            task = task_of(request)
            prompt = rag_prompt(task.question, task.documents, request.chat_template)
            messages = [*_before_last_user(messages), {"role": "user", "content": prompt}]
        model = self.model or request.model
        return body | {"messages": messages} | ({"model": model} if model else {})

    async def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        try:
            request = self._http.build_request(method, self.base_url + path, json=body)
            return await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise self._fault(error) from None

    async def _whole(self, response: httpx.Response) -> Response:
        try:
            content = await response.aread()
        except httpx.HTTPError as error:
            raise self._fault(error) from None
        finally:
            await response.aclose()
        if response.status_code >= 500:
            raise OperationError(
                f"the model server answered {response.status_code}", code="upstream-unavailable"
            )
        media = response.headers.get("content-type", "application/json")
        return Response(self._without_key(content), response.status_code, media_type=media)

    async def _relay(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """The stream byte by byte; if it breaks, an error event and no clean end."""
        try:
            async for part in response.aiter_bytes():
                yield part
        except httpx.HTTPError as error:
            fault = self._fault(error)
            event = {"error": {"message": fault.message, "type": "server_error", "code": fault.code}}
            yield f"data: {json.dumps(event)}\n\n".encode()
            raise fault from None
        finally:
            await response.aclose()

    def _fault(self, error: httpx.HTTPError) -> OperationError:
        if isinstance(error, httpx.TimeoutException):
            return OperationError("the model server took too long to answer", code="upstream-timeout")
        what = str(error) or type(error).__name__
        return OperationError(
            f"the model server at {self.base_url} can't be reached: {what}", code="upstream-unavailable"
        )

    def _without_key(self, content: bytes) -> bytes:
        # Some servers repeat a refused key in their error.
        return content.replace(self._key.encode(), b"***") if len(self._key) >= 8 else content

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()


def _with_version(url: str) -> str:
    """OPEA gives the base without ``/v1``, OpenAI's own clients with it; both are taken."""
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise OperationError("LLM_ENDPOINT must be an http or https URL", code="bad-setting")
    path = parsed.path.rstrip("/").removesuffix("/chat/completions")
    if not re.search(r"/v\d", path):
        path += "/v1"
    return str(parsed.copy_with(path=path, query=None, fragment=None, userinfo=b""))


def _before_last_user(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    asked = [index for index, message in enumerate(messages) if message.get("role") == "user"]
    return messages[: asked[-1]] if asked else messages
