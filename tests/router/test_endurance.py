"""What wears a router out: clients that leave, long and many streams, large bodies, an end under load."""

import asyncio
import json
import selectors
import time

import aiohttp
import pytest
from aiohttp import web

from opea_pulumi.flow import load_flow
from opea_pulumi.router import Limits, Router, make_plan

CHUNK = '{"choices":[{"index":0,"delta":{"content":"a"}}]}'
LAST = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
QUESTION = {"messages": "Where is Paris", "stream": True}
MIB = 2**20


@pytest.fixture
async def crowd():
    """A client with as many connections as it likes."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


async def until(holds, seconds=20):
    """Wait for something in another process, which has no event to wait for."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


async def test_a_thousand_clients_leave_in_the_middle(chatqna, graph, running, crowd):
    llm = chatqna["llm"]
    llm.answers({"sse": [CHUNK], "fault": "hang"})
    process, base = await running(graph())
    files = process.open_files

    async def leave():
        response = await crowd.post(base + "/v1/chatqna", json=QUESTION)
        assert response.status == 200
        assert b"b'a'" in await response.content.readany()
        response.close()

    for _ in range(20):
        await asyncio.gather(*(leave() for _ in range(50)))
    await until(lambda: llm.gone == 1000)

    llm.answers({"sse": [CHUNK, LAST, "[DONE]"]})
    async with crowd.post(base + "/v1/chatqna", json=QUESTION) as response:
        assert (response.status, await response.text()) == (200, "data: b'a'\n\ndata: [DONE]\n\n")
    spare = 60  # connections to the steps that are kept for the next request
    await until(lambda: process.open_files < files + spare)


async def test_a_client_that_leaves_is_noticed_at_once(chatqna, graph, running, http, record_property):
    llm = chatqna["llm"]
    llm.answers({"sse": [CHUNK], "fault": "hang"})
    _, base = await running(graph())
    late = []
    for count in range(20):
        response = await http.post(base + "/v1/chatqna", json=QUESTION)
        await response.content.readany()
        left = time.perf_counter()
        response.close()
        await asyncio.wait_for(llm.cancelled.wait(), 5)
        late.append(time.perf_counter() - left)
        llm.cancelled.clear()
        assert llm.gone == count + 1
    median, worst = sorted(late)[len(late) // 2] * 1000, max(late) * 1000
    record_property(
        "figure", f"router: a step is cancelled {median:.1f} ms after its client left ({worst:.1f} at most)"
    )
    assert median < 100


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer when nothing moves on any socket.

    Everything must run in it, on loopback: bytes that were written are there to read at once.
    """

    def __init__(self):
        super().__init__(_Jumping(self))
        self.jumped = 0.0

    def time(self):
        return super().time() + self.jumped


class _Jumping(selectors.EpollSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready and timeout is None:
            return super().select(None)
        if not ready and timeout > 0:
            self._loop.jumped += timeout
        return ready


def test_a_stream_of_ten_minutes_is_whole_and_silence_is_not():
    """The idle timeout is about the time between two pieces, however long the whole takes."""
    gaps = [55.0] * 11
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        seconds, text = runner.run(_slow_stream(gaps, idle_timeout=60))
        assert seconds >= 600
        assert text.count("data: b'a'") == len(gaps)
        assert text.endswith("data: [DONE]\n\n")
        with pytest.raises(aiohttp.ClientPayloadError):
            runner.run(_slow_stream([*gaps, 65.0], idle_timeout=60))


async def _slow_stream(gaps, idle_timeout):
    """(virtual seconds, answer) of one llm that waits before each token."""

    async def answer(request):
        await request.read()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for gap in gaps:
            await asyncio.sleep(gap)
            await response.write(f"data: {CHUNK}\n\n".encode())
        await response.write(f"data: {LAST}\n\ndata: [DONE]\n\n".encode())
        return response

    llm = web.Application()
    llm.router.add_post("/v1/chat/completions", answer)
    llm_runner, url = await _serve(llm)
    step = {"name": "llm", "serviceUrl": url + "/v1/chat/completions"}
    nodes = {"root": {"routerType": "Sequence", "steps": [step]}}
    flow = load_flow({"spec": {"nodes": nodes, "routerConfig": {"config": {"mode": "aligned"}}}})
    router = Router(make_plan(flow, None, {}), Limits(idle_timeout=idle_timeout))
    runner, url = await _serve(router.app())
    loop = asyncio.get_running_loop()
    started = loop.time()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as client,
            client.post(url + "/", json=QUESTION) as response,
        ):
            text = await response.text()
            return loop.time() - started, text
    finally:
        await runner.cleanup()
        await llm_runner.cleanup()


async def _serve(app):
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def test_a_thousand_streams_at_once_need_no_more_memory_the_longer_they_are(
    services, graph, running, crowd, record_property
):
    llm = await services("llm")
    llm.answers({"sse": [CHUNK] * 40 + [LAST, "[DONE]"]})
    llm.go.clear()
    process, base = await running(graph(steps=("llm",)))
    before = process.memory

    async def begin():
        response = await crowd.post(base + "/v1/chatqna", json=QUESTION)
        return response, await response.content.readany()

    asking = [asyncio.ensure_future(begin()) for _ in range(1000)]
    await until(lambda: len(llm.calls) == 1000)
    llm.go.set()
    llm.go.clear()  # each answer now stops after its first event
    begun = await asyncio.gather(*asking)
    assert {response.status for response, _ in begun} == {200}
    at_first = process.memory
    llm.go.set()
    rest = await asyncio.gather(*(response.read() for response, _ in begun))
    assert all(body.endswith(b"data: [DONE]\n\n") for body in rest)
    assert all((first + body).count(b"b'a'") == 40 for (_, first), body in zip(begun, rest, strict=True))
    at_last = process.memory
    sizes = " -> ".join(f"{size / MIB:.0f}" for size in (before, at_first, at_last))
    record_property("figure", f"router: 1,000 streams, MiB before, at the first token, at the end: {sizes}")
    assert at_last < at_first + 16 * MIB
    assert at_first < before + 100 * MIB


class TestLargeBodies:
    SIZE = 100 * MIB

    async def pieces(self):
        piece = b" " * MIB
        for _ in range(self.SIZE // MIB):
            yield piece

    @pytest.mark.parametrize("announced", [True, False])
    async def test_a_request_of_100_mb_is_refused_and_not_kept(
        self, announced, chatqna, graph, running, http
    ):
        process, base = await running(graph())
        before = process.memory
        headers = {"Content-Length": str(self.SIZE)} if announced else {}
        try:
            async with http.post(base + "/v1/chatqna", data=self.pieces(), headers=headers) as response:
                assert response.status == 413
                assert (await response.json())["error"]["code"] == "too-large"
        except aiohttp.ClientConnectionError:
            pass  # the router may hang up on the rest of the body before the client looks for an answer
        assert process.memory < before + 48 * MIB  # at most --max-body of it, and what it takes to read that
        assert not chatqna["embedding"].calls
        async with http.post(base + "/v1/chatqna", json={**QUESTION, "stream": False}) as response:
            assert response.status == 200

    async def test_an_upload_of_100_mb_goes_through_and_is_not_kept(self, services, graph, running, http):
        received = 0

        async def take(request):
            nonlocal received
            async for data in request.content.iter_any():
                received += len(data)
            return web.json_response({"status": 200})

        app = web.Application()
        app.router.add_post("/v1/dataprep/ingest", take)
        dataprep, url = await _serve(app)
        document = graph()
        step = {"name": "dataprep", "internalService": {"isDownstreamService": True}}
        steps = document["spec"]["nodes"]["root"]["steps"]
        steps.append({**step, "serviceUrl": url + "/v1/dataprep/ingest"})
        process, base = await running(document)
        before = process.memory
        async with http.post(base + "/v1/dataprep/ingest", data=self.pieces()) as response:
            assert response.status == 200
        assert received == self.SIZE
        assert process.memory < before + 32 * MIB
        await dataprep.cleanup()


async def test_sigterm_under_load_loses_no_accepted_request(chatqna, graph, running, crowd):
    process, base = await running(graph())
    answered, lost = set(), set()

    async def ask_again_and_again(name):
        for number in range(10_000):
            own = f"{name}-{number}"
            try:
                async with crowd.post(
                    base + "/v1/chatqna", json={**QUESTION, "stream": False}, headers={"x-request-id": own}
                ) as response:
                    assert response.status == 200
                    await response.read()
                    answered.add(own)
            except aiohttp.ClientConnectorError:
                return  # nobody listens any more
            except aiohttp.ClientConnectionError:
                lost.add(own)  # all right if no step has heard of it: the connection closed before

    asking = [asyncio.ensure_future(ask_again_and_again(f"client{number}")) for number in range(32)]
    await until(lambda: len(answered) > 200)
    process.terminate()
    await asyncio.gather(*asking)
    code, log, _ = await process.end()
    assert code == 0
    accepted = {call.headers["x-request-id"] for call in chatqna["embedding"].calls}
    assert accepted - answered == set()
    assert not accepted & lost
    assert len(chatqna["llm"].calls) == len(answered)
    requests = [json.loads(line) for line in log.splitlines() if '"request"' in line]
    assert {line["request_id"] for line in requests if line["status"] == 200} == answered
