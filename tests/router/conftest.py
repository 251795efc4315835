"""Fake services (real servers on free ports), and the router in this process or in one of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shlex
import signal
import socket
import sys
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import yaml
from aiohttp import web
from hypothesis import HealthCheck, settings

from opea_pulumi.flow import Mode, load_flow
from opea_pulumi.router import Limits, Router, Site, make_plan, make_runner

# test machines are shared: how long an example takes says nothing
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_addoption(parser):
    group = parser.getgroup("router", "the cases against another router, such as OPEA's gmcrouter")
    group.addoption("--router-command", default="", help="starts it; {graph} stands for the graph's JSON")
    group.addoption("--router-url", default="http://127.0.0.1:8080", help="where it then listens")


class Call:
    """A request that a fake service got."""

    def __init__(self, request, body):
        self.method, self.path, self.headers, self.body = (
            request.method,
            request.path_qs,
            request.headers,
            body,
        )
        self.peer = request.transport.get_extra_info("peername")

    @property
    def json(self):
        return json.loads(self.body)


class Service:
    """A server that answers by a script: one answer, or a list of them, the last one for good.

    An answer has ``status``, ``headers``, and one of ``json``, ``text``, ``base64`` (bytes), ``sse`` (list of
    texts, each an event of its own), ``pieces`` (texts as they are, with the ``type`` of a stream); ``fault``
    is hang, reset or garbage, after the events of ``sse`` if there are any.
    """

    def __init__(self):
        self.script = [{"json": {}}]
        self.calls = []
        self.started = asyncio.Event()
        self.arriving = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.gone = 0  # requests whose caller left before the answer was whole
        self.go = asyncio.Event()
        self.go.set()

    def answers(self, *script):
        self.script = list(script)

    async def start(self, port=0):
        self._runner = web.AppRunner(
            self._app(), handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self):
        await self._runner.cleanup()

    def _app(self):
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, request):
        if request.method == "GET" and request.path in ("/health", "/v1/health_check"):
            return web.Response()
        self.started.set()
        body = await request.content.readany()
        self.arriving.set()
        call = Call(request, body + await request.content.read())
        self.calls.append(call)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        try:
            return await self._answer(request, answer)
        except (asyncio.CancelledError, ConnectionError):
            self.cancelled.set()
            self.gone += 1
            raise

    async def _answer(self, request, answer):
        await self.go.wait()
        if "sse" in answer or "pieces" in answer:
            return await self._stream(request, answer)
        await self._fail(request, answer.get("fault"))
        headers, status = answer.get("headers"), answer.get("status", 200)
        if "base64" in answer:
            body = base64.b64decode(answer["base64"])
            return web.Response(body=body, status=status, headers=headers)
        if "text" in answer:
            return web.Response(text=answer["text"], status=status, headers=headers)
        return web.json_response(answer.get("json"), status=status, headers=headers)

    async def _stream(self, request, answer):
        kind = answer.get("type", "text/event-stream")
        response = web.StreamResponse(headers={"Content-Type": kind, **answer.get("headers", {})})
        await response.prepare(request)
        for data in answer.get("pieces") or [f"data: {data}\n\n" for data in answer["sse"]]:
            await response.write(data.encode())
            await asyncio.sleep(0)
            await self.go.wait()
        await self._fail(request, answer.get("fault"))
        await response.write_eof()
        return response

    async def _fail(self, request, fault):
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "reset":
            request.transport.abort()
            await asyncio.Event().wait()
        if fault == "garbage":
            request.transport.write(b"this is not HTTP\r\n\r\n")
            request.transport.close()
            await asyncio.Event().wait()


@pytest.fixture
async def services():
    """Fake services by name, made when first asked for."""
    running = {}

    async def get(name):
        if name not in running:
            running[name] = Service()
            await running[name].start()
        return running[name]

    yield get
    for service in running.values():
        await service.stop()


@pytest.fixture
async def chatqna(services):
    """The four services of ChatQnA with good answers, and their graph."""
    made = {name: await services(name) for name in ("embedding", "retrieval", "reranking", "llm")}
    for name, service in made.items():
        service.answers(GOOD[name])
    return made


@pytest.fixture
def graph(chatqna):
    """A function: the graph of ChatQnA as a document; arguments are settings (dots as they are)."""

    def make(steps=("embedding", "retrieval", "reranking", "llm"), **settings):
        config = {"mode": "aligned", "endpoint": "/v1/chatqna", **settings}
        nodes = [
            {"name": name, "internalService": {}, "serviceUrl": chatqna[name].url + PATHS[name]}
            for name in steps
        ]
        return document(nodes, config)

    return make


def document(steps, config=None):
    return {
        "spec": {
            "nodes": {"root": {"routerType": "Sequence", "steps": steps}},
            "routerConfig": {"config": config},
        }
    }


PATHS = {
    "embedding": "/v1/embeddings",
    "retrieval": "/v1/retrieval",
    "reranking": "/v1/reranking",
    "llm": "/v1/chat/completions",
}
GOOD = yaml.safe_load((Path(__file__).parent / "good.yaml").read_text(encoding="utf-8"))


@pytest.fixture
async def start(monkeypatch):
    """A function: run a graph in this process; gives the base URL (``start.last`` is router and site)."""
    runners = []

    async def run(
        graph, *, mode=None, environment=None, keys=(), tls=None, tracing=None, upstream=None, **limits
    ):
        plan = make_plan(load_flow(graph), Mode(mode) if mode else None, environment or {})
        router = Router(plan, Limits(**limits), upstream, keys=keys, tracing=lambda: tracing)
        runner = make_runner(router)
        await runner.setup()
        runners.append(runner)
        site = Site(runner, router.connections, "127.0.0.1", 0, tls)
        await site.start()
        run.last = router, site
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield run
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def start_other(request):
    """A function: run a graph in the router of ``--router-command``; None without that option."""
    command = request.config.getoption("--router-command", default="")
    started = []

    async def run(graph):
        url = request.config.getoption("--router-url")
        words = [word.replace("{graph}", json.dumps(graph)) for word in shlex.split(command)]
        null = asyncio.subprocess.DEVNULL
        started.append(await asyncio.create_subprocess_exec(*words, stdout=null, stderr=null))
        async with asyncio.timeout(20):
            while not await listens(url):
                assert started[-1].returncode is None, "the router ended at once"
        return url

    yield run if command else None
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listens(url):
    """Whether somebody does; asks once, and takes a moment over it."""
    await asyncio.sleep(0.02)
    try:
        _, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
    except ConnectionError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def http():
    """A client that keeps no cookies and adds nothing."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


async def read_until_it_breaks(response):
    """The bytes of a body that must not end cleanly."""
    received = []

    async def read():
        async for data in response.content.iter_any():
            received.append(data)  # noqa: PERF401 - what came before the break is kept

    with pytest.raises(aiohttp.ClientPayloadError):
        await read()
    return b"".join(received)


@pytest.fixture
def broken_body():
    """The function ``read_until_it_breaks``."""
    return read_until_it_breaks


class Process:
    """The router as a process; ``lines`` is its log so far, read at once so that it never waits for us."""

    def __init__(self, process):
        self._process = process
        self.lines = []
        self._seen = 0
        self._more = asyncio.Condition()
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self):
        async for line in self._process.stdout:
            async with self._more:
                self.lines.append(line.decode())
                self._more.notify_all()
        async with self._more:
            self.lines.append("")
            self._more.notify_all()

    async def event(self, name):
        """The next line of the log with this event."""
        async with asyncio.timeout(20), self._more:
            while True:
                await self._more.wait_for(lambda: self._seen < len(self.lines))
                line = self.lines[self._seen]
                self._seen += 1
                assert line, "the router ended: " + (await self._process.stderr.read()).decode()
                entry = json.loads(line)
                if entry["event"] == name:
                    return entry

    @property
    def memory(self):
        """Bytes in RAM."""
        return psutil.Process(self._process.pid).memory_info().rss

    @property
    def open_files(self):
        """How many, sockets included."""
        return psutil.Process(self._process.pid).num_fds()

    def terminate(self):
        self._process.send_signal(signal.SIGTERM)

    async def end(self):
        """(exit code, stdout from its first line on, stderr)."""
        async with asyncio.timeout(20):
            err = await self._process.stderr.read()
            await self._reader
            return await self._process.wait(), "".join(self.lines), err.decode()

    async def kill(self):
        if self._process.returncode is None:
            self._process.kill()
        await self._reader
        await self._process.stderr.read()
        await self._process.wait()


@pytest.fixture
async def spawn():
    """A function: ``python -m opea_pulumi.router`` with these arguments."""
    started = []

    async def run(*arguments, **environment):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "opea_pulumi.router", *map(str, arguments)),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(Process(process))
        return started[-1]

    yield run
    for process in started:
        await process.kill()


@pytest.fixture
def running(spawn):
    """A function: a router of its own for this graph document, and its URL."""

    async def run(graph, *arguments, **environment):
        process = await spawn("--graph-json", json.dumps(graph), "--port", 0, *arguments, **environment)
        event = await process.event("listening")
        return process, f"http://{event['host']}:{event['port']}"

    return run


@pytest.fixture
def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def fill():
    """A function: put service URLs in the place of ``{name}`` in every text of a document."""

    def replace(part, urls):
        if isinstance(part, dict):
            return {key: replace(value, urls) for key, value in part.items()}
        if isinstance(part, list):
            return [replace(value, urls) for value in part]
        return part.format_map(defaultdict(str, urls)) if isinstance(part, str) and "{" in part else part

    return replace
