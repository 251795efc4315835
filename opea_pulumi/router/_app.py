"""The router's routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from opea_pulumi.flow import Mode, NodeKind, Step

from ._aligned import AlignedTraffic
from ._answer import mega_answer, openai_answer
from ._auth import Key, Keys
from ._call import Caller, StepReply
from ._connections import Connections
from ._conversation import Conversation
from ._dataprep import OPERATIONS, Dataprep
from ._describe import describe
from ._ends import can_chat, streams_unasked
from ._errors import RouterError
from ._exchange import CURRENT, Gate, Watch
from ._form import FORM, parse_form
from ._gmc import Ui, pick_dataprep, reshape
from ._graph import run
from ._headers import answer_headers
from ._json import loads
from ._metrics import Metrics
from ._passthrough import PassThroughTraffic, Payload
from ._plan import Plan
from ._ready import not_ready
from ._request import parse_object, read_request
from ._sent import Sent
from ._stream import EVENT_STREAM, stream
from ._surface import Surface
from ._tracing import Tracing
from ._translate import AsItIs
from ._upstream import AiohttpUpstream, Timeouts, Upstream

CHAT = "/v1/chat/completions"

_SMALL = 2**20
"""A whole answer of at most so many bytes is sent as one, with its length."""


@dataclass(frozen=True)
class Limits:
    """Bounds of one router; times in seconds, sizes in bytes."""

    connect_timeout: float = 5.0
    idle_timeout: float = 600.0
    body_timeout: float = 60.0
    drain_timeout: float = 10.0
    max_body: int = 16 * 2**20
    max_upload: int = 2**30
    max_concurrency: int = 1024
    max_connections: int = 4096
    header_timeout: float = 10.0
    client_timeout: float = 60.0


class Router:
    """A graph and the HTTP routes around it."""

    def __init__(
        self,
        plan: Plan,
        limits: Limits | None = None,
        upstream: Callable[[], Upstream] | None = None,
        *,
        keys: Sequence[Key] = (),
        tracing: Callable[[], Tracing | None] = lambda: None,
    ) -> None:
        """``upstream`` makes the client towards the steps, ``tracing`` what makes spans; both are called
        within the running loop. With ``keys`` every request needs one of them.
        """
        self.plan = plan
        self.limits = limits or Limits()
        self._make_upstream = upstream or self._aiohttp
        self._make_tracing = tracing
        self._keys = Keys(keys) if keys else None
        self._chat = plan.mode is Mode.ALIGNED and can_chat(plan.flow)
        self._streams = self._chat and streams_unasked(plan.flow)
        self._typed = plan.typed
        self._surface = Surface(plan)
        self._timeouts = plan.timeouts(Timeouts(self.limits.connect_timeout, self.limits.idle_timeout))
        self._metrics = Metrics()
        self.gate = Gate(self.limits.max_concurrency, self._metrics)
        self.connections = Connections(
            self._metrics,
            limit=self.limits.max_connections,
            header_timeout=self.limits.header_timeout,
            client_timeout=self.limits.client_timeout,
        )

    def app(self) -> web.Application:
        """A new application with every route of this graph."""
        watch = Watch(self._metrics, self.gate, lambda: self._tracing)
        middlewares = [watch.middleware, self.connections.middleware]
        if self._keys is not None:
            middlewares.append(self._keys.middleware)
        app = web.Application(middlewares=middlewares, client_max_size=self.limits.max_body)
        app.on_response_prepare.append(watch.add_headers)
        app.cleanup_ctx.append(self._clients)
        for path in ("/health", "/v1/health_check"):
            app.router.add_get(path, self._health)
        app.router.add_get("/ready", self._ready)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/graph", self._graph)
        app.router.add_get("/v1/models", self._models)
        if self.plan.dataprep is not None:
            path = f"/v1/dataprep/{{operation:{'|'.join(OPERATIONS)}}}"
            for method in ("GET", "POST"):
                app.router.add_route(method, path, self.gate.guard(self._forward_dataprep))
        self._add_graph_routes(app.router)
        return app

    def _add_graph_routes(self, routes: web.UrlDispatcher) -> None:
        if self.plan.mode is Mode.PASS_THROUGH:
            routes.add_post("/dataprep", self.gate.guard(self._dataprep_of_root))
            routes.add_get("/ui", self.gate.guard(self._ui))
            routes.add_post("/ui", self.gate.guard(self._chat_of_ui))
            routes.add_get("/assets/{path:.*}", self.gate.guard(self._ui))
            # gmcrouter runs its graph on every other path
            routes.add_post("/{path:.*}", self.gate.guard(self._pass_through))
            return
        for path in sorted({"/", self.plan.flow.endpoint or "/"} - {CHAT}):
            routes.add_post(path, self.gate.guard(self._mega))
        routes.add_post(CHAT, self.gate.guard(self._openai))
        routes.add_post("/v1/embeddings", self.gate.guard(self._embeddings))
        routes.add_post("/v1/rerank", self.gate.guard(self._rerank))

    async def _clients(self, _app: web.Application) -> AsyncIterator[None]:
        self._upstream = self._make_upstream()
        self._pages = Ui(self.plan.flow, self._upstream, self._timeouts)
        self._tracing = self._make_tracing()
        yield
        await self._upstream.close()
        await self.connections.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)

    def _aiohttp(self) -> Upstream:
        limits = self.limits
        return AiohttpUpstream(connect_timeout=limits.connect_timeout, idle_timeout=limits.idle_timeout)

    # -- the graph

    async def _mega(self, request: web.Request) -> web.StreamResponse:
        talk = await self._talk(request, stream=self._streams)
        return await mega_answer(request, talk, self.plan.name)

    async def _openai(self, request: web.Request) -> web.StreamResponse:
        if not self._chat:
            raise RouterError(
                HTTPStatus.NOT_FOUND, "not-a-chat", "this flow does not end with an answer in words"
            )
        talk = await self._talk(request, stream=False)
        return await openai_answer(request, talk, self.plan.name)

    async def _talk(self, request: web.Request, *, stream: bool) -> Conversation:
        body = await self._body(request)
        document, files = (
            parse_form(body, request.headers["Content-Type"])
            if request.content_type == FORM
            else (parse_object(body), ())
        )
        talk = read_request(
            document,
            self.plan.defaults,
            stream=stream,
            name=self.plan.name,
            files=files,
            typed=self._typed,
        )
        traffic = AlignedTraffic(self.plan.flow, self._caller(), document)
        return await run(self.plan.flow, traffic, talk)

    async def _pass_through(self, request: web.Request) -> web.StreamResponse:
        return await self._run(request, await self._body(request))

    async def _run(self, request: web.Request, body: bytes) -> web.StreamResponse:
        traffic = PassThroughTraffic(self._caller(), self._client(body))
        answer = await run(self.plan.flow, traffic, Payload(body))
        if answer.reply is None:  # an Ensemble's
            return web.Response(body=answer.sent, content_type="application/json")
        await answer.reply.check()
        return await _relay(request, answer.reply)

    def _client(self, body: bytes) -> Any:
        """The client's JSON; only an Ensemble as root takes any body, as upstream."""
        if self.plan.flow.nodes["root"].kind is not NodeKind.ENSEMBLE:
            return parse_object(body)
        try:
            return loads(body)
        except ValueError:
            return None

    async def _body(self, request: web.Request) -> bytes:
        too_large = RouterError(413, "too-large", f"a body may have {self.limits.max_body} bytes")
        if (request.content_length or 0) > self.limits.max_body:
            raise too_large
        try:
            async with asyncio.timeout(self.limits.body_timeout):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise too_large from None
        except TimeoutError:
            raise RouterError(408, "slow-request", "the request's body did not come in time") from None
        except web.RequestPayloadError:
            raise RouterError(400, "bad-body", "the request's body is broken") from None

    def _caller(self) -> Caller:
        exchange = CURRENT.get()
        caller = Caller(
            self._upstream,
            self._metrics,
            self.plan.keys,
            exchange.incoming,
            exchange.request_id,
            self._timeouts,
            self.limits.connect_timeout,
            exchange.trace,
        )
        exchange.at_end.append(caller.close)
        return caller

    # -- single steps

    async def _embeddings(self, request: web.Request) -> web.Response:
        asked = parse_object(await self._body(request))
        return web.json_response(await self._surface.embeddings(self._caller(), asked))

    async def _rerank(self, request: web.Request) -> web.Response:
        asked = parse_object(await self._body(request))
        return web.json_response(await self._surface.rerank(self._caller(), asked))

    # -- around it

    async def _forward_dataprep(self, request: web.Request) -> web.StreamResponse:
        step = self.plan.dataprep
        assert step is not None  # noqa: S101 - the route exists only then
        return await self._dataprep(request, step, request.match_info["operation"])

    async def _dataprep_of_root(self, request: web.Request) -> web.StreamResponse:
        step = pick_dataprep(self.plan.flow, request.headers.get("SERVICE_NAME", ""))
        return await self._dataprep(request, step)

    async def _dataprep(self, request: web.Request, step: Step, operation: str = "") -> web.StreamResponse:
        dataprep = Dataprep(
            self._upstream,
            max_upload=self.limits.max_upload,
            patience=self.limits.client_timeout,
            timeouts=self._timeouts.get(step.name),
        )
        return await dataprep.forward(request, step, self.plan.keys.get(step.name, ""), operation)

    async def _ui(self, request: web.Request) -> web.StreamResponse:
        return await self._pages.forward(request)

    async def _chat_of_ui(self, request: web.Request) -> web.StreamResponse:
        self._pages.step()
        document = reshape(self.plan.flow, parse_object(await self._body(request)))
        return await self._run(request, Sent.json(document).body)

    async def _health(self, _request: web.Request) -> web.Response:
        about = {"Service Title": self.plan.name, "Service Description": "OPEA graph router"}
        return web.json_response(about)

    async def _ready(self, _request: web.Request) -> web.Response:
        if self.gate.draining:
            raise RouterError(503, "shutting-down", "the router is shutting down")
        missing = await not_ready(self._upstream, self.plan.steps)
        if not missing:
            return web.json_response({"ready": True})
        names = ", ".join(f"{step} {reason}" for step, reason in missing.items())
        # answered, not raised: a step that is not ready has not failed a request
        error = RouterError(503, "not-ready", names, step=next(iter(missing)), retry_after="1")
        return web.json_response(error.body(), status=error.status, headers=error.headers)

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    async def _graph(self, _request: web.Request) -> web.Response:
        return web.json_response(describe(self.plan.flow))

    async def _models(self, _request: web.Request) -> web.Response:
        model = {"id": self.plan.name, "object": "model", "created": 0, "owned_by": "opea"}
        return web.json_response({"object": "list", "data": [model]})


async def _relay(request: web.Request, reply: StepReply) -> web.StreamResponse:
    """A step's good answer as the client's own."""
    headers = answer_headers(reply.headers)
    if reply.content_type == "text/event-stream":
        headers |= {name: value for name, value in EVENT_STREAM.items() if name != "Content-Type"}
    elif reply.length is not None and reply.length <= _SMALL:
        return web.Response(status=reply.status, body=await reply.read(), headers=headers)
    return await stream(request, reply, AsItIs(), headers)
