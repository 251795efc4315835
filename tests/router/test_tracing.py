"""Traces: what the spans say, how they hang together, and one real export."""

import asyncio
import json
import subprocess
import sys

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from opea_pulumi.errors import OperationError
from opea_pulumi.flow import load_flow
from opea_pulumi.router import make_tracing

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1"}
QUESTION = {"messages": "Where is canary", "stream": False}
CHUNK = '{"choices": [{"index":0,"delta":{"content":"a"}}]}'
LAST = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'


@pytest.fixture
def spans():
    """A function: the finished spans by name."""
    exporter = InMemorySpanExporter()

    def found():
        return {span.name: span for span in exporter.get_finished_spans()}

    found.exporter = exporter
    return found


@pytest.fixture
async def base(graph, start, spans):
    return await start(graph(), tracing=make_tracing(load_flow(graph()), {}, spans.exporter))


def hexed(number, digits):
    return f"{number:0{digits}x}"


async def test_a_span_for_the_request_and_one_for_each_step(base, chatqna, http, spans):
    async with http.post(f"{base}/v1/chatqna?q=canary", json=QUESTION, headers=SENT) as response:
        assert response.status == 200
    found = spans()
    assert set(found) == {
        "POST /v1/chatqna",
        "POST embedding",
        "POST retrieval",
        "POST reranking",
        "POST llm",
    }
    server = found.pop("POST /v1/chatqna")
    assert server.kind is SpanKind.SERVER
    assert (hexed(server.context.trace_id, 32), hexed(server.parent.span_id, 16)) == (TRACE, PARENT)
    assert dict(server.attributes) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/v1/chatqna",
        "url.path": "/v1/chatqna",
        "url.scheme": "http",
    }
    for name, span in found.items():
        step = name.removeprefix("POST ")
        assert span.kind is SpanKind.CLIENT
        assert span.parent.span_id == server.context.span_id
        assert span.attributes["opea.step"] == step
        assert span.attributes["http.response.status_code"] == 200
        assert span.attributes["url.full"].startswith(chatqna[step].url)
        assert span.status.status_code is StatusCode.UNSET
        headers = chatqna[step].calls[0].headers
        assert headers["traceparent"] == f"00-{TRACE}-{hexed(span.context.span_id, 16)}-01"
        assert headers["tracestate"] == "a=1"
    operations = {name: span.attributes.get("gen_ai.operation.name") for name, span in found.items()}
    assert operations == {
        "POST embedding": "embeddings",
        "POST retrieval": "retrieval",
        "POST reranking": None,
        "POST llm": "chat",
    }


async def test_a_trace_begins_here_when_nobody_began_one(base, chatqna, http, spans):
    async with http.post(base + "/v1/chatqna", json=QUESTION, headers={"traceparent": "garbage"}) as response:
        assert response.status == 200
    found = spans()
    server = found["POST /v1/chatqna"]
    assert server.parent is None
    trace = hexed(server.context.trace_id, 32)
    assert chatqna["llm"].calls[0].headers["traceparent"].split("-")[1] == trace


async def test_what_the_caller_does_not_sample_is_not(base, chatqna, http, spans):
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    async with http.post(base + "/v1/chatqna", json=QUESTION, headers=headers) as response:
        assert response.status == 200
    assert not spans()
    assert chatqna["llm"].calls[0].headers["traceparent"].startswith(f"00-{TRACE}-")
    assert chatqna["llm"].calls[0].headers["traceparent"].endswith("-00")


async def test_a_stream_ends_its_spans_when_it_ends(base, chatqna, http, spans):
    llm = chatqna["llm"]
    llm.answers({"sse": [CHUNK, LAST, "[DONE]"]})
    llm.go.clear()
    asking = asyncio.ensure_future(http.post(base + "/v1/chatqna", json={**QUESTION, "stream": True}))
    await asyncio.wait_for(llm.started.wait(), 5)
    assert set(spans()) == {"POST embedding", "POST retrieval", "POST reranking"}
    llm.go.set()
    response = await asking
    await response.read()
    found = spans()
    assert found["POST llm"].end_time <= found["POST /v1/chatqna"].end_time
    assert found["POST llm"].status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("answer", "status", "server", "client"),
    [
        ({"status": 500}, 502, ("upstream-status", StatusCode.ERROR), ("500", StatusCode.ERROR)),
        ({"status": 404}, 404, ("upstream-status", StatusCode.UNSET), ("404", StatusCode.ERROR)),
        ({"fault": "reset"}, 502, ("upstream-reset", StatusCode.ERROR), ("upstream-reset", StatusCode.ERROR)),
        ({"text": "<"}, 502, ("upstream-garbage", StatusCode.ERROR), (None, StatusCode.UNSET)),
    ],
)
async def test_failures(answer, status, server, client, base, chatqna, http, spans):
    chatqna["llm"].answers(answer)
    async with http.post(base + "/v1/chatqna", json=QUESTION) as response:
        assert response.status == status
    found = spans()
    for name, (error, code) in {"POST /v1/chatqna": server, "POST llm": client}.items():
        assert (found[name].attributes.get("error.type"), found[name].status.status_code) == (error, code)
    assert found["POST /v1/chatqna"].attributes["http.response.status_code"] == status


async def test_a_client_that_leaves_is_marked(base, chatqna, http, spans):
    llm = chatqna["llm"]
    llm.answers({"sse": [CHUNK], "fault": "hang"})
    response = await http.post(base + "/v1/chatqna", json={**QUESTION, "stream": True})
    await response.content.readany()
    response.close()
    await asyncio.wait_for(llm.cancelled.wait(), 5)
    found = spans()
    assert found["POST /v1/chatqna"].attributes["error.type"] == "client-gone"
    assert found["POST llm"].attributes["error.type"] == "cancelled"


async def test_a_broken_stream_is_marked(base, chatqna, http, spans, broken_body):
    chatqna["llm"].answers({"sse": [CHUNK], "fault": "reset"})
    async with http.post(base + "/v1/chatqna", json={**QUESTION, "stream": True}) as response:
        await broken_body(response)
    async with asyncio.timeout(5):
        while len(spans()) < 5:  # noqa: ASYNC110 - the client may hear of the end first
            await asyncio.sleep(0)
    assert spans()["POST /v1/chatqna"].attributes["error.type"] == "upstream-reset"
    assert spans()["POST llm"].attributes["error.type"] == "upstream-reset"


async def test_uploads_have_a_span(graph, services, start, http, spans):
    dataprep = await services("dataprep")
    document = graph()
    step = {
        "name": "dataprep",
        "internalService": {"isDownstreamService": True},
        "serviceUrl": f"{dataprep.url.replace('http://', 'http://me:canary@')}/v1/dataprep/ingest?k=canary",
    }
    document["spec"]["nodes"]["root"]["steps"].append(step)
    base = await start(document, tracing=make_tracing(load_flow(document), {}, spans.exporter))
    async with http.post(base + "/v1/dataprep/get", json={}, headers=SENT) as response:
        assert response.status == 200
    span = spans()["POST dataprep"]
    assert dataprep.calls[0].headers["traceparent"].split("-")[2] == hexed(span.context.span_id, 16)
    assert "canary" not in json.dumps(dict(span.attributes))


async def test_spans_hold_no_secrets(base, http, spans):
    headers = {"Authorization": "Bearer canary", "X-Own": "canary"}
    async with http.post(f"{base}/v1/chatqna?canary=canary", json=QUESTION, headers=headers) as response:
        assert response.status == 200
    for span in spans.exporter.get_finished_spans():
        assert "canary" not in span.to_json()


async def test_probes_have_no_spans(base, http, spans):
    for path in ("/health", "/ready", "/metrics", "/v1/models"):
        async with http.get(base + path) as response:
            assert response.status == 200
    assert set(spans()) == {"GET /v1/models"}


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_when_there_are_traces(environment, on, graph):
    tracing = make_tracing(load_flow(graph()), environment)
    assert (tracing is not None) is on
    if tracing:
        tracing.close()


def test_another_protocol(graph):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(OperationError, match="http/protobuf"):
        make_tracing(load_flow(graph()), environment)


def test_the_packages_are_missing(graph):
    """In a Python that can't find them; one that is not asked for traces never looks for them."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from opea_pulumi.router.__main__ import main\n"
        "sys.exit(main())"
    )
    command = [sys.executable, "-c", code, "--graph-json", json.dumps(graph()), "--port", "-0"]
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "pip install 'opea-pulumi[otel]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_base_router_imports_none_of_it():
    code = "import sys, opea_pulumi.router as _; print([m for m in sys.modules if 'opentelemetry' in m])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.fixture
async def collector():
    """An OpenTelemetry collector's HTTP end: (URL, spans that came as (resource, span))."""
    received = []

    async def traces(request):
        assert request.content_type == "application/x-protobuf"
        message = ExportTraceServiceRequest.FromString(await request.read())
        for group in message.resource_spans:
            resource = {pair.key: pair.value.string_value for pair in group.resource.attributes}
            received.extend((resource, span) for scope in group.scope_spans for span in scope.spans)
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", traces)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", received
    await runner.cleanup()


@pytest.mark.parametrize(
    ("environment", "name"), [({}, "opea-router"), ({"OTEL_SERVICE_NAME": "mine"}, "mine")]
)
async def test_a_router_sends_its_spans(environment, name, collector, chatqna, graph, spawn, http):
    url, received = collector
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, **environment}
    process = await spawn("--graph-json", json.dumps(graph()), "--port", 0, **environment)
    event = await process.event("listening")
    assert event["tracing"] is True
    async with http.post(f"http://127.0.0.1:{event['port']}/", json=QUESTION, headers=SENT) as response:
        assert response.status == 200
    process.terminate()  # sends what it still has
    code, _, err = await process.end()
    assert (code, err) == (0, "")
    names = sorted(span.name for _, span in received)
    assert names == ["POST /", "POST embedding", "POST llm", "POST reranking", "POST retrieval"]
    assert {span.trace_id.hex() for _, span in received} == {TRACE}
    assert {resource["service.name"] for resource, _ in received} == {name}
    (server,) = [span for _, span in received if span.name == "POST /"]
    assert server.parent_span_id.hex() == PARENT


async def test_a_collector_that_is_gone_harms_nobody(chatqna, graph, spawn, http, free_port):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port}"}
    environment["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
    process = await spawn("--graph-json", json.dumps(graph()), "--port", 0, **environment)
    event = await process.event("listening")
    async with http.post(f"http://127.0.0.1:{event['port']}/", json=QUESTION) as response:
        assert response.status == 200
    process.terminate()
    code, out, err = await process.end()
    assert (code, err) == (0, "")
    assert '"event":"tracing"' in out
    assert f":{free_port}" not in out
