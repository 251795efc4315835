"""Calls of steps: made again where that is safe, timed by step, and counted."""

import asyncio

import pytest

from opea_pulumi.errors import FlowError
from opea_pulumi.flow import load_flow
from opea_pulumi.router import Fault, make_plan
from opea_pulumi.router._upstream import AiohttpUpstream

QUESTION = {"messages": "Where is Paris", "stream": False}
STREAM = {"messages": "Where is Paris", "stream": True}
CHUNK = '{"choices": [{"index":0,"delta":{"content":"a"}}]}'
LAST = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
RETRIES = 'opea_router_step_retries_total{{code="{}",step="{}"}}'


async def metric(http, base, name):
    async with http.get(base + "/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " ")), 0.0)


@pytest.mark.parametrize("step", ["embedding", "retrieval", "reranking", "llm"])
async def test_only_a_read_that_was_cut_is_made_again(step, chatqna, graph, start, http):
    good = chatqna[step].script[0]
    chatqna[step].answers({"fault": "reset"}, good)
    base = await start(graph())
    reads = step != "llm"
    async with http.post(base + "/v1/chatqna", json=QUESTION) as response:
        assert response.status == (200 if reads else 502)
    assert len(chatqna[step].calls) == (2 if reads else 1)
    assert await metric(http, base, RETRIES.format("upstream-reset", step)) == (1 if reads else 0)


async def test_a_read_is_made_again_once(chatqna, graph, start, http):
    chatqna["retrieval"].answers({"fault": "reset"})
    async with http.post(await start(graph()) + "/v1/chatqna", json=QUESTION) as response:
        assert response.status == 502
    assert len(chatqna["retrieval"].calls) == 2


@pytest.mark.parametrize("answer", [{"status": 503}, {"status": 500}, {"status": 429}, {"fault": "garbage"}])
async def test_an_answer_is_an_answer(answer, chatqna, graph, start, http):
    chatqna["retrieval"].answers(answer)
    async with http.post(await start(graph()) + "/v1/chatqna", json=QUESTION) as response:
        assert response.status >= 429
    assert len(chatqna["retrieval"].calls) == 1


async def test_an_answer_that_began_is_never_asked_for_again(chatqna, graph, start, http):
    chatqna["retrieval"].answers({"sse": ["half"], "type": "application/json", "fault": "reset"})
    async with http.post(await start(graph()) + "/v1/chatqna", json=QUESTION) as response:
        assert response.status == 502
    assert len(chatqna["retrieval"].calls) == 1


async def test_pass_through_repeats_nothing_that_was_sent(chatqna, graph, start, http):
    chatqna["embedding"].answers({"fault": "reset"})
    base = await start(graph(steps=("embedding",)), mode="pass-through")
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 502
    assert len(chatqna["embedding"].calls) == 1


@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
async def test_a_step_that_comes_up_between_two_attempts(mode, services, free_port, http, start):
    """Even an llm may be asked again when it was never reached."""
    llm = await services("llm")
    await llm.stop()
    llm.answers({"json": {"choices": [{"message": {"content": "a"}}]}})

    class Rising(AiohttpUpstream):
        faults = []

        async def send(self, *arguments, **named):
            try:
                return await super().send(*arguments, **named)
            except Fault as fault:
                self.faults.append(fault.code)
                if len(self.faults) == 2:
                    await llm.start(free_port)
                raise

    step = {"name": "llm", "serviceUrl": f"http://127.0.0.1:{free_port}/v1/chat/completions"}
    graph = {"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}}}
    base = await start(graph, mode=mode, upstream=lambda: Rising(connect_timeout=5, idle_timeout=5))
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 200
    assert Rising.faults == ["upstream-refused"] * 2
    assert len(llm.calls) == 1
    assert await metric(http, base, RETRIES.format("upstream-refused", "llm")) == 2


async def test_attempts_end_with_the_time_to_connect(chatqna, graph, start, http):
    await chatqna["embedding"].stop()
    base = await start(graph(**{"connect-timeout.embedding": "0.02"}))
    async with http.post(base + "/v1/chatqna", json=QUESTION) as response:
        assert response.status == 502
    assert await metric(http, base, RETRIES.format("upstream-refused", "embedding")) == 0


@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
async def test_a_step_has_its_own_patience(mode, chatqna, graph, start, http):
    chatqna["llm"].answers({"fault": "hang"})
    base = await start(graph(**{"idle-timeout.llm": "0.3"}), mode=mode, idle_timeout=60)
    async with asyncio.timeout(10):
        async with http.post(base + "/v1/chatqna", json=QUESTION) as response:
            assert response.status == 504
            assert (await response.json())["error"]["step"] == "llm"


@pytest.mark.parametrize(
    ("setting", "text", "code"),
    [
        ("idle-timeout.llm", "soon", "bad-timeout"),
        ("idle-timeout.llm", "0", "bad-timeout"),
        ("connect-timeout.llm", "-1", "bad-timeout"),
        ("connect-timeout.llm", "nan", "bad-timeout"),
        ("connect-timeout.llm", "inf", "bad-timeout"),
        ("connect-timeout.lllm", "1", "unknown-step"),
        ("idle-timeout.", "1", "unknown-step"),
    ],
)
@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
def test_wrong_timeouts(setting, text, code, mode):
    steps = [{"name": "llm", "serviceUrl": "http://a/v1/chat/completions"}]
    nodes = {"root": {"routerType": "Sequence", "steps": steps}}
    flow = load_flow({"spec": {"nodes": nodes, "routerConfig": {"config": {"mode": mode, setting: text}}}})
    with pytest.raises(FlowError) as caught:
        make_plan(flow, None, {})
    assert caught.value.code == code
    assert caught.value.location.path == f"spec.routerConfig.config.{setting}"


async def test_in_flight_and_between_tokens(chatqna, graph, start, http):
    llm = chatqna["llm"]
    llm.answers({"sse": [CHUNK, CHUNK, LAST, "[DONE]"]})
    base = await start(graph())
    in_flight = 'opea_router_step_in_flight{step="llm"}'
    llm.go.clear()
    asking = asyncio.ensure_future(http.post(base + "/v1/chatqna", json=STREAM))
    await asyncio.wait_for(llm.started.wait(), 5)
    assert await metric(http, base, in_flight) == 1
    assert await metric(http, base, 'opea_router_step_in_flight{step="embedding"}') == 0
    llm.go.set()
    response = await asking
    assert (await response.read()).endswith(b"data: [DONE]\n\n")
    assert await metric(http, base, in_flight) == 0
    gaps = await metric(http, base, 'opea_router_step_inter_token_seconds_count{step="llm"}')
    assert 1 <= gaps <= 4
    last = 'opea_router_step_inter_token_seconds_bucket{le="+Inf",step="llm"}'
    assert await metric(http, base, last) == gaps
    assert await metric(http, base, 'opea_router_step_inter_token_seconds_sum{step="llm"}') > 0


@pytest.mark.parametrize("answer", [{"fault": "hang"}, {"sse": [CHUNK], "fault": "hang"}])
async def test_nothing_is_in_flight_after_the_client_left(answer, chatqna, graph, start, http):
    llm = chatqna["llm"]
    llm.answers(answer)
    base = await start(graph())
    asking = asyncio.ensure_future(http.post(base + "/v1/chatqna", json=STREAM))
    await asyncio.wait_for(llm.arriving.wait(), 5)
    if "sse" in answer:
        response = await asking
        await response.content.readany()
        response.close()
    asking.cancel()
    await asyncio.wait_for(llm.cancelled.wait(), 5)
    assert await metric(http, base, 'opea_router_step_in_flight{step="llm"}') == 0


async def test_answers_that_nobody_reads_are_given_up(chatqna, graph, start, http):
    """Pass-through: the second step gets the node's input, so nobody reads the first's endless answer."""
    chatqna["embedding"].answers({"sse": ["x" * 1000] * 3, "fault": "hang"})
    base = await start(graph(steps=("embedding", "llm")), mode="pass-through")
    async with http.post(base + "/", json=QUESTION) as response:
        assert response.status == 200
    await asyncio.wait_for(chatqna["embedding"].cancelled.wait(), 5)
    assert await metric(http, base, 'opea_router_step_in_flight{step="embedding"}') == 0
