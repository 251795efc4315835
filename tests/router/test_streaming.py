"""Streams: no added delay, cancelled at once, and never a clean end after a failure."""

import asyncio
import json

import pytest

CHUNK = '{"choices": [{"index":0,"delta":{"content":"a"}}]}'
LAST = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
QUESTION = {"messages": "Where is Paris", "stream": True}
FORMS = {"mega": "/v1/chatqna", "openai": "/v1/chat/completions"}


@pytest.fixture(params=[*FORMS, "pass-through"])
async def streaming(request, chatqna, graph, start):
    """(llm, URL) for each form of the answer."""
    if request.param == "pass-through":
        step = {"name": "llm", "serviceUrl": chatqna["llm"].url}
        base = await start(
            {"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}}}, idle_timeout=1.0
        )
        return chatqna["llm"], base
    return chatqna["llm"], await start(graph(), idle_timeout=1.0) + FORMS[request.param]


async def test_tokens_come_as_they_are_made(streaming, http):
    llm, url = streaming
    llm.answers({"sse": [CHUNK, LAST, "[DONE]"]})
    llm.go.clear()
    llm.started.clear()
    asking = asyncio.ensure_future(http.post(url, json=QUESTION))
    await llm.started.wait()
    llm.go.set()
    await asyncio.sleep(0)
    llm.go.clear()  # the service now stops after its first event
    response = await asyncio.wait_for(asking, 5)
    first = await asyncio.wait_for(response.content.readany(), 5)
    assert b"a" in first
    assert b"DONE" not in first
    llm.go.set()
    assert (await response.content.read()).endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("fault", ["reset", "hang"])
async def test_a_failure_after_the_first_token_breaks_the_connection(fault, streaming, http, broken_body):
    llm, url = streaming
    llm.answers({"sse": [CHUNK], "fault": fault})
    async with http.post(url, json=QUESTION) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        received = await broken_body(response)
    *_, event = received.decode().strip().split("\n\n")
    kind, data = event.split("\n")
    assert kind == "event: error"
    error = json.loads(data.removeprefix("data: "))["error"]
    assert error["step"] == "llm"
    assert error["code"] == ("upstream-reset" if fault == "reset" else "upstream-timeout")
    assert b"[DONE]" not in received


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("last", ['{"error": {"message": "boom", "code": 500}}', "garbage", "{}}", '"text"'])
async def test_garbage_after_the_first_token_breaks_the_connection(
    last, path, chatqna, graph, start, http, broken_body
):
    chatqna["llm"].answers({"sse": [CHUNK, last, "[DONE]"]})
    async with http.post(await start(graph()) + path, json=QUESTION) as response:
        received = await broken_body(response)
    assert b"event: error\ndata: {" in received
    assert b"[DONE]" not in received


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
async def test_an_end_without_done_is_clean_only_after_a_finish_reason(
    path, chatqna, graph, start, http, broken_body
):
    url = await start(graph()) + path
    chatqna["llm"].answers({"sse": [CHUNK, LAST]})
    async with http.post(url, json=QUESTION) as response:
        assert (await response.read()).endswith(b"data: [DONE]\n\n")
    chatqna["llm"].answers({"sse": [CHUNK]})
    async with http.post(url, json=QUESTION) as response:
        assert b"ended before its answer was complete" in await broken_body(response)


async def test_sources_come_even_without_a_finish_reason(chatqna, graph, start, http):
    chatqna["llm"].answers({"sse": [CHUNK, "[DONE]"]})
    async with http.post(await start(graph()) + FORMS["openai"], json=QUESTION) as response:
        *_, last, done = (await response.text()).strip().split("\n\n")
    assert done == "data: [DONE]"
    chunk = json.loads(last.removeprefix("data: "))
    assert chunk["choices"][0]["finish_reason"] == "stop"
    assert chunk["sources"] == [{"source": "france.md", "text": "Paris is in France."}]


async def test_a_client_that_leaves_cancels_the_service(streaming, http):
    llm, url = streaming
    llm.answers({"sse": [CHUNK], "fault": "hang"})
    response = await http.post(url, json=QUESTION)
    await response.content.readany()
    response.close()
    await asyncio.wait_for(llm.cancelled.wait(), 2)


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
async def test_a_client_that_leaves_after_the_last_byte_was_answered(
    path, chatqna, graph, start, http, caplog
):
    """The service keeps its side open behind [DONE], so that the router is not through yet."""
    caplog.set_level("INFO", "opea_pulumi.router")
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"], "fault": "hang"})
    url = await start(graph()) + path
    async with http.post(url, json=QUESTION, headers={"Connection": "close"}) as response:
        assert (await response.read()).endswith(b"data: [DONE]\n\n")
    await asyncio.wait_for(chatqna["llm"].cancelled.wait(), 5)  # the line was written before that
    lines = [line for line in map(json.loads, caplog.messages) if "status" in line]
    assert [(line["status"], line["error"]) for line in lines] == [(200, None)]


async def test_a_client_that_leaves_before_the_answer_cancels_the_service(chatqna, graph, start, http):
    chatqna["retrieval"].answers({"fault": "hang"})
    url = await start(graph())
    asking = asyncio.ensure_future(http.post(url, json=QUESTION))
    await asyncio.wait_for(chatqna["retrieval"].started.wait(), 5)
    asking.cancel()
    await asyncio.wait_for(chatqna["retrieval"].cancelled.wait(), 2)
    assert not chatqna["llm"].calls


async def test_many_leave_and_the_router_lives(chatqna, graph, start, http):
    chatqna["llm"].answers({"sse": [CHUNK] * 3, "fault": "hang"})
    url = await start(graph(), max_concurrency=4) + "/v1/chatqna"
    for _ in range(50):
        response = await http.post(url, json=QUESTION)
        await response.content.readany()
        response.close()
        while response.status == 429:  # the last ones are still on their way out
            response = await http.post(url, json=QUESTION)
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"]})
    async with asyncio.timeout(5):
        while True:
            async with http.post(url, json=QUESTION) as response:
                if response.status == 200:
                    assert b"[DONE]" in await response.read()
                    return


async def test_a_connection_serves_many_streams(chatqna, graph, start, http):
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"]})
    url = await start(graph()) + "/v1/chatqna"
    for _ in range(5):
        async with http.post(url, json=QUESTION) as response:
            await response.read()
    ports = {call.peer for call in chatqna["llm"].calls}
    assert len(ports) == 1


@pytest.mark.parametrize(("form", "kind"), [("mega", "text/event-stream"), ("openai", "application/json")])
async def test_trap_13_the_mega_endpoint_streams_unless_told_otherwise(
    form, kind, chatqna, graph, start, http
):
    """OPEA's gateway takes a missing `stream` as true (opea.md 8.13), OpenAI's interface as false."""
    answer = {"choices": [{"message": {"role": "assistant", "content": "a"}}]}
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"]} if form == "mega" else {"json": answer})
    base = await start(graph())
    async with http.post(base + FORMS[form], json={"messages": QUESTION["messages"]}) as response:
        assert response.content_type == kind
    assert chatqna["llm"].calls[-1].json["stream"] is (form == "mega")
