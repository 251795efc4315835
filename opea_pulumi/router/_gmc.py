"""What gmcrouter serves beside its graph: ``/dataprep``, ``/ui`` and ``/assets/`` (gmc.md 3.9, 3.10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from opea_pulumi.flow import Contract, Flow, Step, contract_of

from ._errors import RouterError, bad_request
from ._exchange import CURRENT
from ._forward import forward, query_of
from ._graph import runnable
from ._headers import step_headers
from ._upstream import Timeouts, Upstream

LLM_DEFAULTS: Mapping[str, Any] = {
    "max_tokens": 1024,
    "top_k": 10,
    "top_p": 0.95,
    "temperature": 0.01,
    "repetition_penalty": 1.03,
    "streaming": True,
}
"""What gmcrouter gives a first step that is no Embedding (cmd/router/main.go, defaultLlmParams)."""

_BROWSERS = (
    "Accept",
    "Accept-Encoding",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Range",
    "User-Agent",
)
"""Headers of a browser that a UI's server may see; cookies and credentials are none."""

_DOTS = re.compile(r"\.{1,2}")


def pick_dataprep(flow: Flow, service_name: str) -> Step:
    """The root's dataprep step, the one of that ``internalService.serviceName`` if a name is given.

    Raises:
        RouterError: there is none (404).
    """
    for step in _root_steps(flow, Contract.DATAPREP):
        own = step.internal_service.service_name if step.internal_service else ""
        if not service_name or service_name == own:
            return step
    raise RouterError(HTTPStatus.NOT_FOUND, "no-such-step", "this graph has no such dataprep step")


class Ui:
    """A reverse proxy to the root's UI step, for the two places where its pages and their parts are."""

    def __init__(self, flow: Flow, upstream: Upstream, timeouts: Mapping[str, Timeouts]) -> None:
        self._step = next(iter(_root_steps(flow, Contract.UI)), None)
        self._upstream = upstream
        self._timeouts = timeouts

    def step(self) -> Step:
        """The UI's step. Raises RouterError (404)."""
        if self._step is None:
            raise RouterError(HTTPStatus.NOT_FOUND, "no-such-step", "this graph has no UI step")
        return self._step

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Fetch the same path from the UI's own server, and from nowhere else.

        Raises:
            RouterError: no UI (404), a path that could lead out of its place (404), no answer.
        """
        step, path = self.step(), request.rel_url.raw_path
        if not is_plain(path):
            raise RouterError(HTTPStatus.NOT_FOUND, "not-found", "there is no such page")
        parts = urlsplit(step.url)
        url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{path}{query_of(request)}"
        exchange = CURRENT.get()
        headers = {name: request.headers[name] for name in _BROWSERS if name in request.headers}
        headers |= step_headers(exchange.incoming, step, exchange.request_id, "")
        headers.pop("Authorization", None)  # pages are for anyone who may come here at all
        return await forward(
            request, self._upstream, step, url, headers=headers, timeouts=self._timeouts.get(step.name)
        )


def is_plain(path: str) -> bool:
    """Whether a path has no part that goes up, also when it is read with its escapes undone twice."""
    seen = path
    for _ in range(3):
        if "\\" in seen or "\0" in seen or any(_DOTS.fullmatch(part) for part in seen.split("/")):
            return False
        seen = unquote(seen)
    return True


def reshape(flow: Flow, document: dict[str, Any]) -> dict[str, Any]:
    """A chat request of the UI as the first step's request: its messages become one text.

    Raises:
        RouterError: ``messages`` is neither a text nor a list of messages (400).
    """
    _, first = runnable(flow.nodes["root"])[0]
    embeds = contract_of(flow, first) is Contract.EMBEDDING
    shaped: dict[str, Any] = {}
    text = _flatten(document["messages"]) if "messages" in document else None
    if text is not None:
        shaped["text" if embeds else "query"] = text
    shaped |= {} if embeds else LLM_DEFAULTS
    return shaped | {name: value for name, value in document.items() if name != "messages"}


def _flatten(messages: Any) -> str | None:
    """System messages as they are, the others with their role before them; a line each."""
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        raise bad_request("bad-messages", "messages must be a text or a list")
    lines = []
    for message in messages:
        role, content = _role_and_content(message)
        lines.append(f"{content}\n" if role == "system" else f"{role}:{content}\n")
    return "".join(lines) if lines else None


def _role_and_content(message: Any) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(text for text in texts if isinstance(text, str))
    if not isinstance(role, str) or not isinstance(content, str | None):
        raise bad_request("bad-messages", "a message has a role and a text as its content")
    return role, content or ""


def _root_steps(flow: Flow, contract: Contract) -> list[Step]:
    return [step for step in flow.nodes["root"].steps if step.url and contract_of(flow, step) is contract]
