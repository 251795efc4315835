"""Clients that do not go on: cut, counted, and never in the way of the others."""

import asyncio
import json
import socket
import time
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from opea_pulumi.router import drain

QUESTION = {"messages": "Where is Paris", "stream": False}
CHUNK = '{"choices": [{"index":0,"delta":{"content":"a"}}]}'
REQUEST = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@asynccontextmanager
async def connected(base):
    parts = urlsplit(base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def cut(reader):
    """The bytes that came before the router ended the connection."""
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""


async def drip(base, begun=None):
    """A head that never ends, a byte at a time; gives the seconds until it is cut."""
    async with connected(base) as (reader, writer):
        started = time.perf_counter()
        if begun is not None:
            begun.set()
        ended = asyncio.ensure_future(cut(reader))
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait([ended], timeout=0.02)
        return time.perf_counter() - started


async def count(http, base, reason):
    async with http.get(base + "/metrics") as response:
        lines = (await response.text()).splitlines()
    name = f'opea_router_connections_cut_total{{reason="{reason}"}} '
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


async def test_a_head_that_drips_is_cut(graph, start, http, record_property):
    base = await start(graph(), header_timeout=0.4)
    seconds = await drip(base)
    record_property("figure", f"a head that drips was cut after {seconds:.2f} s (limit 0.40 s)")
    assert 0.4 <= seconds < 5
    assert await count(http, base, "slow-head") == 1


@pytest.mark.parametrize("sent", [b"", b"POST / HT", REQUEST + b"GET / HTTP/1.1\r\nX: "])
async def test_a_head_that_stops_is_cut(sent, graph, start):
    """Also the second one of a connection, and before its first byte."""
    base = await start(graph(), header_timeout=0.2)
    async with connected(base) as (reader, writer):
        writer.write(sent)
        if sent.startswith(REQUEST):
            assert b"200 OK" in await reader.readuntil(b"}")
            writer.write(b"y")  # the beginning came with the request before: now it is a new head
        assert await cut(reader) == b""


async def test_a_connection_may_wait_between_requests(graph, start):
    base = await start(graph(), header_timeout=0.1)
    async with connected(base) as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            assert b"200 OK" in await reader.readuntil(b"}")
            await asyncio.sleep(0.3)  # that nothing happens has no event


async def test_a_request_may_take_its_time(chatqna, graph, start, http):
    """The clock is for heads: neither a slow answer nor bytes that come meanwhile start it."""
    chatqna["llm"].go.clear()
    base = await start(graph(), header_timeout=0.1)
    body = json.dumps(QUESTION).encode()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with connected(base) as (reader, writer):
        writer.write(head + body)
        await asyncio.wait_for(chatqna["llm"].started.wait(), 5)
        writer.write(REQUEST[:10])
        await asyncio.sleep(0.3)
        chatqna["llm"].go.set()
        writer.write(REQUEST[10:])
        assert (await reader.readuntil(b"In France.")).startswith(b"HTTP/1.1 200")


async def test_many_that_drip_do_not_stop_a_good_client(graph, start, http):
    base = await start(graph(), header_timeout=30, max_connections=20)
    dripping = []
    try:
        for _ in range(60):
            begun = asyncio.Event()
            dripping.append(asyncio.ensure_future(drip(base, begun)))
            await asyncio.wait_for(begun.wait(), 5)
        for _ in range(10):
            async with http.post(base + "/v1/chatqna", json=QUESTION, headers={"Connection": "close"}) as one:
                assert one.status == 200
        assert await count(http, base, "full") >= 40  # the oldest made room
    finally:
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)


async def test_when_all_are_busy_a_new_one_is_told(chatqna, graph, start, http):
    chatqna["embedding"].go.clear()
    base = await start(graph(), max_connections=2)
    asking = [asyncio.ensure_future(http.post(base + "/v1/chatqna", json=QUESTION)) for _ in range(2)]
    async with asyncio.timeout(5):
        while len(chatqna["embedding"].calls) < 2:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
    async with connected(base) as (reader, _):
        answer = await cut(reader)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503")
    assert b"Retry-After: 1" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == "too-many-connections"
    chatqna["embedding"].go.set()
    for response in await asyncio.gather(*asking):
        assert response.status == 200


@pytest.mark.parametrize("mode", ["aligned", "pass-through"])
async def test_a_client_that_does_not_read_is_cut_and_the_step_cancelled(mode, chatqna, graph, start, http):
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": "a" * 20_000}}]})
    chatqna["llm"].answers({"sse": [chunk] * 1000, "fault": "hang"})
    base = await start(graph(steps=("llm",)), mode=mode, client_timeout=0.4)
    await ask_and_read_nothing(base, chatqna["llm"].cancelled)
    assert await count(http, base, "slow-reader") == 1


async def ask_and_read_nothing(base, cancelled):
    body = json.dumps({"messages": "Where", "stream": True}).encode()
    parts = urlsplit(base)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (parts.hostname, parts.port))
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        await loop.sock_sendall(client, head + body)
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_the_same_in_a_process_of_its_own(chatqna, graph, spawn, http):
    """There on uvloop, whose connections are its own."""
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": "a" * 20_000}}]})
    chatqna["llm"].answers({"sse": [chunk] * 1000, "fault": "hang"})
    limits = ("--header-timeout", "0.4", "--client-timeout", "0.4")
    process = await spawn("--graph-json", json.dumps(graph(steps=("llm",))), "--port", 0, *limits)
    base = f"http://127.0.0.1:{(await process.event('listening'))['port']}"
    assert 0.4 <= await drip(base) < 5
    await ask_and_read_nothing(base, chatqna["llm"].cancelled)
    assert await count(http, base, "slow-head") == 1
    assert await count(http, base, "slow-reader") == 1

    chatqna["llm"].answers({"json": {"choices": [{"message": {"content": "a"}}]}})
    chatqna["llm"].started.clear()
    chatqna["llm"].go.clear()
    async with connected(base) as (idle, idle_writer):
        idle_writer.write(REQUEST)
        await idle.readuntil(b"}")
        asking = asyncio.ensure_future(http.post(base + "/", json=QUESTION))
        await asyncio.wait_for(chatqna["llm"].started.wait(), 5)
        process.terminate()
        assert await cut(idle) == b""
        chatqna["llm"].go.set()
        response = await asking
        assert (response.status, response.headers["Connection"]) == (200, "close")
    assert (await process.end())[0] == 0


async def test_a_client_that_reads_slowly_is_not_cut(chatqna, graph, start):
    chatqna["llm"].answers({"text": "x" * 8_000_000})
    base = await start(graph(steps=("llm",)), mode="pass-through", client_timeout=0.4)
    async with connected(base) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        size = 0
        while data := await reader.read(400_000):
            size += len(data)
            await asyncio.sleep(0.05)
    assert size > 8_000_000


async def test_an_upload_that_stops_is_cut(services, start, http):
    dataprep = await services("dataprep")
    internal = {"isDownstreamService": True}
    steps = [
        {"name": "dataprep", "internalService": internal, "serviceUrl": dataprep.url},
        {"name": "llm", "serviceUrl": dataprep.url},
    ]
    nodes = {"root": {"routerType": "Sequence", "steps": steps}}
    base = await start({"spec": {"nodes": nodes}}, client_timeout=0.2)
    async with connected(base) as (reader, writer):
        writer.write(b"POST /v1/dataprep/ingest HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408")


async def test_draining(chatqna, graph, start, http):
    """Idle connections end at once; answers that begin now say so; those in flight are finished."""
    base = await start(graph())
    chatqna["llm"].go.clear()
    async with connected(base) as (idle, idle_writer), connected(base) as (fresh, _):
        idle_writer.write(REQUEST)
        await idle.readuntil(b"}")
        asking = asyncio.ensure_future(http.post(base + "/v1/chatqna", json=QUESTION))
        await asyncio.wait_for(chatqna["llm"].started.wait(), 5)
        ending = asyncio.ensure_future(drain(*start.last))
        assert await cut(idle) == b""
        assert not ending.done()
        assert not fresh.at_eof()
        chatqna["llm"].go.set()
        response = await asking
        assert response.status == 200
        assert response.headers["Connection"] == "close"
        await asyncio.wait_for(ending, 5)


async def test_a_client_that_leaves_cancels_within_100_ms(chatqna, graph, start, http, record_property):
    chatqna["llm"].answers({"sse": [CHUNK], "fault": "hang"})
    url = await start(graph()) + "/v1/chatqna"
    times = []
    for _ in range(20):
        chatqna["llm"].cancelled.clear()
        response = await http.post(url, json={**QUESTION, "stream": True})
        await response.content.readany()
        left = time.perf_counter()
        response.close()
        await asyncio.wait_for(chatqna["llm"].cancelled.wait(), 5)
        times.append(time.perf_counter() - left)
    median, longest = sorted(times)[10] * 1000, max(times) * 1000
    record_property(
        "figure", f"client abort to cancelled step: median {median:.1f} ms, longest {longest:.1f} ms"
    )
    assert longest < 1000
