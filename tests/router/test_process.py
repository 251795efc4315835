"""The router as a process: exit codes, messages, logs, and the end."""

import asyncio
import json
import os
import socket
import sys

import pytest

CHUNK = '{"choices":[{"index":0,"delta":{"content":"a"}}]}'
LAST = '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
CIRCLE = '{"spec":{"nodes":{"root":{"routerType":"Sequence","steps":[{"name":"x","nodeName":"root"}]}}}}'
QUESTION = {"messages": "Where is Paris", "stream": False}


async def test_it_answers_and_ends_on_sigterm(graph, running, http):
    process, base = await running(graph())
    async with http.post(base + "/v1/chatqna", json=QUESTION) as response:
        assert (await response.json())["choices"][0]["message"]["content"] == "In France."
    process.terminate()
    code, _, err = await process.end()
    assert (code, err) == (0, "")


async def test_graph_from_a_file(graph, spawn, tmp_path):
    (tmp_path / "graph.json").write_text(json.dumps(graph()), encoding="utf-8")
    process = await spawn("--graph", tmp_path / "graph.json", "--port", 0, "--mode", "pass-through")
    event = await process.event("listening")
    assert (event["host"], event["mode"], event["endpoint"]) == ("127.0.0.1", "pass-through", "/v1/chatqna")


async def test_sigterm_lets_requests_finish(chatqna, graph, running, http):
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"]})
    chatqna["llm"].go.clear()
    process, base = await running(graph())
    asking = asyncio.ensure_future(http.post(base + "/v1/chatqna", json={"messages": "Where is Paris"}))
    await asyncio.wait_for(chatqna["llm"].started.wait(), 10)
    process.terminate()
    port = int(base.rpartition(":")[2])
    async with asyncio.timeout(10):
        while await accepts(port):  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.01)
    chatqna["llm"].go.set()
    response = await asking
    assert (await response.text()) == "data: b'a'\n\ndata: [DONE]\n\n"
    assert (await process.end())[0] == 0


async def accepts(port):
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_what_does_not_finish_in_time_is_broken_off(chatqna, graph, running, http, broken_body):
    chatqna["llm"].answers({"sse": [CHUNK], "fault": "hang"})
    process, base = await running(graph(), "--drain-timeout", "0.2")
    async with http.post(base + "/v1/chatqna", json={"messages": "Where is Paris"}) as response:
        process.terminate()
        received = await broken_body(response)
    assert b"event: error\ndata: " in received
    assert b"shutting-down" in received
    assert (await process.end())[0] == 0


async def test_the_log_has_no_secrets(chatqna, graph, running, http):
    canary = "canary-5f3a"
    document = graph(**{"key.llm": "LLM_KEY"})
    chatqna["reranking"].answers({"status": 422, "json": {"detail": canary}})
    process, base = await running(document, LLM_KEY=canary)
    headers = {"Authorization": f"Bearer {canary}", "Cookie": canary, "x-request-id": "known"}
    body = {**QUESTION, "messages": f"Where is {canary}"}
    async with http.post(f"{base}/v1/chatqna?token={canary}", json=body, headers=headers) as response:
        assert response.status == 422
    _, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    writer.write(f"GARBAGE {canary}\r\nAuthorization: {canary}\r\n\r\n".encode())
    await writer.drain()
    entry = await process.event("request")
    while entry["request_id"] != "known":
        entry = await process.event("request")
    writer.close()
    await writer.wait_closed()
    process.terminate()
    _, out, err = await process.end()
    assert canary not in out + err
    assert err == ""
    expected = {
        "method": "POST",
        "path": "/v1/chatqna",
        "status": 422,
        "step": "reranking",
        "error": "upstream-status",
    }
    assert expected.items() <= entry.items()
    assert entry["duration_ms"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--graph", "/no/such/file.json"], 1, "unreadable"),
        (["--graph-json", "{"], 1, "bad-json"),
        (["--graph-json", "{}"], 1, "bad-graph"),
        (["--graph-json", '{"spec": {"nodes": {}}}'], 1, "no-root"),
        (["--graph-json", CIRCLE], 1, "cycle"),
        (
            [
                "--mode",
                "aligned",
                "--graph-json",
                '{"spec":{"nodes":{"root":{"routerType":"Sequence","steps":[{"name":"x","serviceUrl":"http://a/b"}]}}}}',
            ],
            1,
            "unknown-type",
        ),
        (["--graph-json", '{"spec":{"nodes":{"root":{"routerType":"Switch","steps":[]}}}}'], 1, "no-steps"),
        ([], 2, "required"),
        (["--graph-json", "{}", "--port", "-1"], 2, "--port"),
        (["--graph-json", "{}", "--mode", "other"], 2, "--mode"),
        (["--graph-json", "{}", "--idle-timeout", "0"], 2, "--idle-timeout"),
    ],
)
async def test_wrong_starts(arguments, code, words, spawn):
    process = await spawn(*arguments)
    returned, out, err = await process.end()
    assert (returned, out) == (code, "")
    assert words in err
    assert "Traceback" not in err
    assert len(err.splitlines()) < 20


async def test_connections_stay_below_the_files_that_may_be_open(graph):
    command = f'ulimit -n 200; exec "{sys.executable}" -m opea_pulumi.router --port 0 --graph-json "$GRAPH"'
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "GRAPH": json.dumps(graph())}
    process = await asyncio.create_subprocess_exec("sh", "-c", command, stdout=pipe, env=environment)
    try:
        event = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    finally:
        process.terminate()
        await process.communicate()
    assert event["max_connections"] == 100


async def test_port_taken(graph, spawn):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        process = await spawn("--graph-json", json.dumps(graph()), "--port", port)
        code, _, err = await process.end()
    assert code == 1
    assert f"can't listen on 127.0.0.1:{port}" in err
    assert "Traceback" not in err
