"""Headers, limits and the routes around the graph."""

import asyncio
import json
import logging

import aiohttp
import pytest

QUESTION = {"messages": "Where is Paris", "stream": False}


async def ask(http, base, path="/v1/chatqna", **arguments):
    arguments.setdefault("json", QUESTION)
    async with http.post(base + path, **arguments) as response:
        return response, await response.json()


async def test_headers_to_the_steps(chatqna, graph, start, http):
    sent = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=1",
        "x-request-id": "mine-7",
        "Accept-Language": "fr",
        "Authorization": "Bearer of-the-caller",
        "Cookie": "a=b",
        "X-Other": "1",
    }
    response, _ = await ask(http, await start(graph()), headers=sent)
    assert response.headers["x-request-id"] == "mine-7"
    for service in chatqna.values():
        headers = service.calls[0].headers
        for name in ("traceparent", "tracestate", "x-request-id", "Accept-Language", "Authorization"):
            assert headers[name] == sent[name]
        assert not {"Cookie", "X-Other"} & set(headers)


async def test_request_ids_are_made_and_harmful_ones_replaced(chatqna, graph, start, http):
    base = await start(graph())
    ids = set()
    for given in ({}, {"x-request-id": "a b"}, {"x-request-id": "x" * 200}):
        response, _ = await ask(http, base, headers=given)
        ids.add(response.headers["x-request-id"])
    assert len(ids) == 3
    assert all(len(one) == 32 for one in ids)
    assert {call.headers["x-request-id"] for call in chatqna["llm"].calls} == ids


@pytest.mark.parametrize(
    ("step", "settings", "expected"),
    [
        ({"internalService": {}}, {}, "Bearer of-the-caller"),
        ({"internalService": {}}, {"key.llm": "LLM_KEY"}, "Bearer own"),
        ({"externalService": "http://127.0.0.1:9"}, {}, None),
        ({"externalService": "http://127.0.0.1:9", "internalService": {}}, {}, None),
        ({"externalService": "http://127.0.0.1:9"}, {"key.llm": "LLM_KEY"}, "Bearer own"),
        ({}, {}, None),
    ],
)
@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
async def test_credentials(step, settings, expected, mode, chatqna, start, http):
    step = {"name": "llm", "serviceUrl": chatqna["llm"].url, **step}
    nodes = {"root": {"routerType": "Sequence", "steps": [step]}}
    spec = {"nodes": nodes, "routerConfig": {"config": {"mode": mode, **settings}}}
    base = await start({"spec": spec}, environment={"LLM_KEY": "own"})
    response, _ = await ask(http, base, "/", headers={"Authorization": "Bearer of-the-caller"})
    assert response.status == 200
    assert chatqna["llm"].calls[0].headers.get("Authorization") == expected


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b'{"messages": NaN}', "bad-json"),
        (b"\xff\xfe", "bad-json"),
        (b"[" * 100_000, "bad-json"),
        (b"[]", "not-an-object"),
        (b'"text"', "not-an-object"),
        (b"null", "not-an-object"),
        (b"{}", "no-question"),
        (b'{"messages": []}', "no-question"),
        (b'{"messages": " "}', "no-question"),
        (b'{"messages": 5}', "bad-messages"),
        (b'{"messages": [5]}', "bad-messages"),
        (b'{"messages": [{"role": "user", "content": 5}]}', "bad-messages"),
        (b'{"text": ["a"]}', "bad-messages"),
        (b'{"messages": "a", "stream": "yes"}', "bad-stream"),
        (b'{"messages": "a", "chat_template": "{secret}"}', "bad-template"),
        (b'{"messages": "a", "chat_template": "{question.__class__}"}', "bad-template"),
        (b'{"messages": "a", "chat_template": "{"}', "bad-template"),
        (b'{"messages": "a", "chat_template": 5}', "bad-template"),
    ],
)
async def test_bad_requests(body, code, graph, start, http):
    response, answer = await ask(http, await start(graph()), json=None, data=body)
    assert (response.status, answer["error"]["code"], answer["error"]["step"]) == (400, code, None)


@pytest.mark.parametrize("parameters", [None, True, 0, -1.5, "x", [], [1], {}, {"k": 2}, {"a": {"b": []}}])
@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
async def test_parameters_of_any_type(parameters, mode, graph, start, http):
    document = graph()
    for step in document["spec"]["nodes"]["root"]["steps"][1:]:
        step["data"] = "$response"
    response, _ = await ask(
        http, await start(document, mode=mode), json={**QUESTION, "parameters": parameters}
    )
    assert response.status == 200


async def test_large_bodies(chatqna, graph, start, http):
    base = await start(graph(), max_body=1000)
    response, answer = await ask(http, base, json={"messages": "x" * 2000})
    assert (response.status, answer["error"]["code"]) == (413, "too-large")

    async def unannounced():
        for _ in range(100):
            yield b" " * 100

    response, answer = await ask(http, base, json=None, data=unannounced())
    assert (response.status, answer["error"]["code"]) == (413, "too-large")
    assert not chatqna["embedding"].calls


async def test_a_body_that_does_not_come(graph, start):
    base = await start(graph(), body_timeout=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n{")
    status = await asyncio.wait_for(reader.readline(), 5)
    assert b"408" in status
    writer.close()
    await writer.wait_closed()


async def test_the_router_when_full(chatqna, graph, start, http):
    chatqna["llm"].go.clear()
    base = await start(graph(), max_concurrency=2)
    waiting = [asyncio.ensure_future(ask(http, base)) for _ in range(2)]
    async with asyncio.timeout(5):
        while len(chatqna["llm"].calls) < 2:  # noqa: ASYNC110 - counted by the fake service
            await asyncio.sleep(0)
    response, answer = await ask(http, base)
    assert (response.status, answer["error"]["code"]) == (429, "too-many-requests")
    assert response.headers["Retry-After"] == "1"
    async with http.get(base + "/health") as health:
        assert health.status == 200
    chatqna["llm"].go.set()
    assert [response.status for response, _ in await asyncio.gather(*waiting)] == [200, 200]
    response, _ = await ask(http, base)
    assert response.status == 200


async def test_ready_names_what_is_missing(chatqna, graph, start, http):
    base = await start(graph())
    async with http.get(base + "/ready") as response:
        assert response.status == 200
    await chatqna["retrieval"].stop()
    async with http.get(base + "/ready") as response:
        assert response.status == 503
        error = (await response.json())["error"]
    assert error == {"code": "not-ready", "step": "retrieval", "message": "retrieval can't be reached"}


@pytest.mark.parametrize("path", ["/health", "/v1/health_check"])
async def test_health(path, graph, start, http):
    async with http.get(await start(graph()) + path) as response:
        assert (response.status, (await response.json())["Service Title"]) == (200, "chatqna")


async def test_unknown_routes(graph, start, http):
    base = await start(graph())
    response, answer = await ask(http, base, "/nothing")
    assert (response.status, answer["error"]["code"]) == (404, "not-found")
    async with http.get(base + "/v1/chatqna") as response:
        assert response.status == 405
        assert (await response.json())["error"]["code"] == "method-not-allowed"


async def test_a_flow_without_an_llm_has_no_chat(graph, start, http):
    base = await start(graph(steps=("embedding", "retrieval")))
    response, answer = await ask(http, base, "/v1/chat/completions")
    assert (response.status, answer["error"]["code"]) == (404, "not-a-chat")


async def test_the_graph_is_shown_without_credentials(start, http):
    step = {
        "name": "llm",
        "serviceUrl": "http://me:canary@127.0.0.1:9/v1/chat/completions?sig=canary",
        "internalService": {
            "config": {"HF_TOKEN": "canary", "REDIS_URL": "redis://:canary@db:6379", "MODEL": "m"}
        },
    }
    nodes = {"root": {"routerType": "Sequence", "steps": [step]}}
    spec = {"nodes": nodes, "routerConfig": {"config": {"mode": "aligned", "key.llm": "LLM_KEY"}}}
    base = await start({"spec": spec}, environment={"LLM_KEY": "canary"})
    async with http.get(base + "/graph") as response:
        text = await response.text()
    assert "canary" not in text
    shown = json.loads(text)["spec"]
    assert shown["routerConfig"]["config"] == {"mode": "aligned", "key.llm": "LLM_KEY"}
    (step,) = shown["nodes"]["root"]["steps"]
    assert step["serviceUrl"] == "http://***@127.0.0.1:9/v1/chat/completions"
    assert step["internalService"]["config"] == {
        "HF_TOKEN": "***",
        "REDIS_URL": "redis://***@db:6379",
        "MODEL": "m",
    }


async def test_metrics(chatqna, graph, start, http):
    base = await start(graph())
    await ask(http, base)
    chatqna["retrieval"].answers({"status": 500})
    await ask(http, base)
    await ask(http, base, "/nothing")
    async with http.get(base + "/metrics") as response:
        lines = (await response.text()).splitlines()
    assert 'opea_router_requests_total{route="/v1/chatqna",status="200"} 1.0' in lines
    assert 'opea_router_requests_total{route="/v1/chatqna",status="502"} 1.0' in lines
    assert 'opea_router_requests_total{route="other",status="404"} 1.0' in lines
    assert 'opea_router_step_errors_total{code="upstream-status",step="retrieval"} 1.0' in lines
    assert 'opea_router_step_seconds_count{step="embedding"} 2.0' in lines
    assert 'opea_router_step_first_token_seconds_count{step="llm"} 1.0' in lines
    assert "opea_router_in_flight 0.0" in lines


async def test_a_bug_is_a_500_that_tells_nothing(graph, start, http, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("canary")

    monkeypatch.setattr("opea_pulumi.router._app.read_request", broken)
    caplog.set_level(logging.INFO, "opea_pulumi.router")
    response, answer = await ask(http, await start(graph()))
    assert (response.status, answer["error"]["code"]) == (500, "internal")
    bug = next(json.loads(line) for line in caplog.messages if '"bug"' in line)
    assert bug["type"] == "RuntimeError"
    assert "canary" not in caplog.text


class TestDataprep:
    @pytest.fixture
    async def dataprep(self, services):
        service = await services("dataprep")
        service.answers({"status": 200, "json": {"status": 200}, "headers": {"X-Own": "1"}})
        return service

    @pytest.fixture
    async def base(self, dataprep, graph, start):
        document = graph()
        document["spec"]["nodes"]["root"]["steps"].append(
            {
                "name": "dataprep",
                "internalService": {"isDownstreamService": True},
                "serviceUrl": dataprep.url + "/v1/dataprep/ingest",
            }
        )
        return await start(document, max_upload=100_000)

    async def test_upload(self, dataprep, base, http):
        form = aiohttp.FormData()
        form.add_field("files", b"some text", filename="a.txt", content_type="text/markdown")
        async with http.post(
            f"{base}/v1/dataprep/ingest?a=1%20%262", data=form, headers={"Authorization": "b"}
        ) as response:
            assert (response.status, await response.json()) == (200, {"status": 200})
            assert response.headers["X-Own"] == "1"
        (call,) = dataprep.calls
        assert (call.method, call.path) == ("POST", "/v1/dataprep/ingest?a=1%20%262")
        assert call.headers["Content-Type"].startswith("multipart/form-data; boundary=")
        assert b"Content-Type: text/markdown" in call.body
        assert b"some text" in call.body
        assert call.headers["Authorization"] == "b"

    @pytest.mark.parametrize("operation", ["get", "delete", "indices"])
    async def test_other_operations(self, operation, dataprep, base, http):
        dataprep.answers({"status": 500, "json": {"detail": "as it is"}})
        async with http.post(f"{base}/v1/dataprep/{operation}", json={"file_path": "all"}) as response:
            assert (response.status, await response.json()) == (500, {"detail": "as it is"})
        assert dataprep.calls[0].json == {"file_path": "all"}

    async def test_uploads_are_streamed(self, dataprep, base, http):
        """The service sees the beginning of an upload before its end is sent."""

        async def body():
            yield b"a" * 1000
            await asyncio.wait_for(dataprep.arriving.wait(), 5)
            yield b"b" * 1000

        async with http.post(f"{base}/v1/dataprep/ingest", data=body()) as response:
            assert response.status == 200
        assert len(dataprep.calls[0].body) == 2000

    @pytest.mark.parametrize("announced", [True, False])
    async def test_too_large(self, announced, base, http):
        async def unannounced():
            for _ in range(30):
                yield b" " * 10_000

        data = b" " * 300_000 if announced else unannounced()
        async with http.post(f"{base}/v1/dataprep/ingest", data=data) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (413, "too-large")

    async def test_an_answer_that_breaks_off(self, dataprep, base, http, broken_body):
        dataprep.answers({"sse": ["half"], "type": "application/json", "fault": "reset"})
        async with http.post(f"{base}/v1/dataprep/get", json={}) as response:
            assert response.status == 200
            assert await broken_body(response) == b"data: half\n\n"

    async def test_service_gone(self, dataprep, base, http):
        await dataprep.stop()
        async with http.post(f"{base}/v1/dataprep/get", json={}) as response:
            assert response.status == 502
            assert (await response.json())["error"]["step"] == "dataprep"

    async def test_only_where_the_graph_has_one(self, graph, start, http):
        async with http.post(await start(graph()) + "/v1/dataprep/get", json={}) as response:
            assert response.status == 404

    async def test_only_known_operations(self, base, http):
        async with http.post(f"{base}/v1/dataprep/../../health", json={}) as response:
            assert response.status in (404, 405)
        async with http.post(f"{base}/v1/dataprep/other", json={}) as response:
            assert response.status == 404
