"""Any request at all: the router answers or hangs up, never with a bug of its own, and goes on."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from opea_pulumi.flow import load_flow
from opea_pulumi.router import Limits, Router, make_plan

GOOD = {
    "/v1/embeddings": {"data": [{"embedding": [0.5]}]},
    "/v1/retrieval": {"retrieved_docs": [{"text": "Paris is in France."}]},
    "/v1/reranking": {"documents": ["Paris is in France."]},
    "/v1/chat/completions": {"choices": [{"message": {"content": "In France."}}]},
}
KEYS = st.sampled_from(
    [
        *("messages", "text", "query", "parameters", "stream", "chat_template", "model", "k", "top_n"),
        *("max_tokens", "role", "content", "type", "tools", "stop", "audio", "image", "input", "documents"),
    ]
)
WORDS = st.sampled_from(
    ["user", "system", "text", "image_url", "{question}", "", "Where is Paris"]
) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    ["/", "/v1/chatqna", "/v1/chat/completions", "/v1/dataprep/get", "/graph", "/%00", "/..", "*"]
)
METHODS = st.sampled_from(["POST", "GET", "PUT", "OPTIONS", "HEAD", "TRACE", "P\u00d6ST", ""])
NAMES = [
    "Content-Length",
    "Transfer-Encoding",
    "Content-Type",
    "Content-Encoding",
    "Expect",
    "Host",
    "Connection",
]
VALUES = ["0", "5", "-1", "1e9", "chunked", "gzip", "100-continue", "close", "a\x00b", "\xff", "bytes=0-", ""]
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([*NAMES, "Authorization", "x-request-id", "traceparent"]),
        st.sampled_from(VALUES),
        # aiohttp 3.14 itself fails on an Expect that is no text, before any code of ours runs
    ).filter(lambda header: header != ("Expect", "\xff")),
    max_size=4,
)


@pytest.fixture(params=["aligned", "pass-through"], scope="module")
def address(request):
    """(runner, host, port) of a router with ChatQnA's four steps, in a loop of its own."""
    with asyncio.Runner() as runner:
        services, router, base = runner.run(_start(request.param))
        yield runner, urlsplit(base).hostname, urlsplit(base).port
        runner.run(router.cleanup())
        runner.run(services.cleanup())


async def _start(mode):
    async def answer(request):
        await request.read()
        return web.json_response(GOOD[request.path])

    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    services, url = await _serve(app)
    steps = [
        {"name": path.rpartition("/")[2], "serviceUrl": url + path, "data": "$response"} for path in GOOD
    ]
    nodes = {"root": {"routerType": "Sequence", "steps": steps}}
    config = {"mode": mode, "endpoint": "/v1/chatqna", "type.completions": "llm"}
    flow = load_flow({"spec": {"nodes": nodes, "routerConfig": {"config": config}}})
    router, base = await _serve(Router(make_plan(flow, None, {}), Limits(body_timeout=0.2)).app())
    return services, router, base


async def _serve(app):
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _send(host, port, data, *, eof=False):
    """What comes back for these bytes; ``eof`` tells the router at once that there will be no more."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(20):
            writer.write(data)
            await writer.drain()
            if eof:
                writer.write_eof()
            answer = await reader.read(2**16)
            if writer.can_write_eof():
                writer.write_eof()
            return answer + await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def _post(path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _alive(address):
    runner, host, port = address
    answer = runner.run(_send(host, port, b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 200 ")


def _check(answer):
    """Nothing, or HTTP that blames the request or a step, and never the router."""
    answer = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert answer.startswith(b"HTTP/1.")
        assert 200 <= status < 600
        assert status != 500, answer


@settings(max_examples=300)
@given(document=JSON, path=st.sampled_from(["/", "/v1/chatqna", "/v1/chat/completions"]))
def test_any_json(address, document, path):
    runner, host, port = address
    answer = runner.run(_send(host, port, _post(path, json.dumps(document).encode())))
    assert answer
    _check(answer)


@settings(max_examples=300)
@given(fields=st.dictionaries(KEYS, JSON, max_size=5), path=st.sampled_from(["/", "/v1/chat/completions"]))
def test_any_fields_of_a_question(address, fields, path):
    runner, host, port = address
    document = {"messages": "Where is Paris", **fields}
    answer = runner.run(_send(host, port, _post(path, json.dumps(document).encode())))
    assert answer
    _check(answer)


@settings(max_examples=300)
@given(method=METHODS, path=PATHS, headers=HEADERS, body=st.binary(max_size=20))
def test_any_request(address, method, path, headers, body):
    runner, host, port = address
    lines = [f"{method} {path} HTTP/1.1", "Host: a", *(f"{name}: {value}" for name, value in headers)]
    _check(runner.run(_send(host, port, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)))
    _alive(address)


@settings(max_examples=300)
@given(data=st.binary(max_size=200))
def test_any_bytes(address, data):
    runner, host, port = address
    _check(runner.run(_send(host, port, data, eof=True)))
    _alive(address)
