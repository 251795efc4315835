"""API keys: who gets in, what for, and that a key goes nowhere."""

import asyncio
import json
import sys

import pytest

from opea_pulumi.errors import FlowError
from opea_pulumi.router import hash_key, read_keys

ASK, INGEST, BOTH = "ask-" + "a" * 40, "ingest-" + "b" * 40, "both-" + "c" * 40
QUESTION = {"messages": "Where is Paris", "stream": False}


@pytest.fixture
def file(tmp_path):
    lines = [
        "# who may ask",
        "",
        f"web:{hash_key(ASK)}",
        f"loader:ingest:{hash_key(INGEST)}",
        f" both : ask , ingest : {hash_key(BOTH).upper().replace('SHA256', 'sha256')} ",
    ]
    path = tmp_path / "keys"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
async def base(file, graph, services, start):
    dataprep = await services("dataprep")
    document = graph()
    internal = {"isDownstreamService": True}
    step = {"name": "dataprep", "internalService": internal, "serviceUrl": dataprep.url}
    document["spec"]["nodes"]["root"]["steps"].append(step)
    return await start(document, keys=read_keys(str(file)))


def bearer(key):
    return {"Authorization": f"Bearer {key}"} if key else {}


@pytest.mark.parametrize(
    ("method", "path", "open_to"),
    [
        ("POST", "/v1/chatqna", {ASK, BOTH}),
        ("POST", "/", {ASK, BOTH}),
        ("POST", "/v1/chat/completions", {ASK, BOTH}),
        ("POST", "/v1/embeddings", {ASK, BOTH}),
        ("POST", "/v1/rerank", {ASK, BOTH}),
        ("GET", "/v1/models", {ASK, BOTH}),
        ("GET", "/graph", {ASK, BOTH}),
        ("POST", "/no/such/path", {ASK, BOTH}),
        ("POST", "/health", {ASK, BOTH}),
        ("POST", "/v1/dataprep/ingest", {INGEST, BOTH}),
        ("POST", "/v1/dataprep/get", {INGEST, BOTH}),
        ("POST", "/v1/dataprep/delete", {INGEST, BOTH}),
        ("GET", "/v1/dataprep/indices", {INGEST, BOTH}),
        ("GET", "/health", {ASK, INGEST, BOTH, "unknown-" + "d" * 40, ""}),
        ("GET", "/v1/health_check", {ASK, INGEST, BOTH, "unknown-" + "d" * 40, ""}),
        ("GET", "/ready", {ASK, INGEST, BOTH, "unknown-" + "d" * 40, ""}),
        ("GET", "/metrics", {ASK, INGEST, BOTH, "unknown-" + "d" * 40, ""}),
    ],
)
async def test_who_may_what(method, path, open_to, base, http):
    for key in (ASK, INGEST, BOTH, "unknown-" + "d" * 40, ""):
        asked = http.request(method, base + path, json=QUESTION, headers=bearer(key))
        async with asked as response:
            if key in open_to:
                assert response.status not in (401, 403)
                continue
            known = key in (ASK, INGEST, BOTH)
            assert response.status == (403 if known else 401)
            assert response.headers.get("WWW-Authenticate") == (None if known else "Bearer")
            assert (await response.json())["error"]["code"] == ("wrong-scope" if known else "no-key")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Basic {ASK}", ASK, f"Bearer {ASK}x", f"Bearer x {ASK}", "Bearer \xe9"],
)
async def test_what_is_no_key(header, base, http):
    async with http.get(base + "/graph", headers={"Authorization": header}) as response:
        assert response.status == 401


async def test_the_scheme_is_read_in_any_case(base, http):
    async with http.get(base + "/graph", headers={"authorization": f"bearer {ASK}"}) as response:
        assert response.status == 200


async def test_pass_through_has_no_open_way_into_the_graph(chatqna, file, graph, start, http):
    """There every POST runs the graph, also one to a path that a GET may have without a key."""
    base = await start(graph(steps=("llm",)), mode="pass-through", keys=read_keys(str(file)))
    for path in ("/health", "/metrics", "/anything", "/v1/dataprep/ingest", "/dataprep", "/ui"):
        async with http.post(base + path, json=QUESTION) as response:
            assert response.status == 401
    async with http.post(base + "/dataprep", json=QUESTION, headers=bearer(ASK)) as response:
        assert response.status == 403
    assert not chatqna["llm"].calls


async def test_a_key_of_the_router_goes_to_no_step(base, chatqna, services, http):
    async with http.post(base + "/v1/chatqna", json=QUESTION, headers=bearer(ASK)) as response:
        assert response.status == 200
    async with http.post(base + "/v1/dataprep/get", json={}, headers=bearer(INGEST)) as response:
        assert response.status == 200
    for service in (*chatqna.values(), await services("dataprep")):
        (call,) = service.calls
        assert "Authorization" not in call.headers


async def test_the_log_has_the_name_and_not_the_key(base, http, caplog):
    caplog.set_level("INFO", "opea_pulumi.router")
    for key in (ASK, INGEST, "unknown-" + "d" * 40):
        async with http.get(base + "/graph", headers=bearer(key)) as response:
            await response.read()
    lines = [json.loads(line) for line in caplog.messages]
    assert [line.get("key") for line in lines] == ["web", None, None]
    assert [line["status"] for line in lines] == [200, 403, 401]
    for secret in (ASK, INGEST, hash_key(ASK)[7:], "d" * 40):
        assert secret not in caplog.text


GOOD = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", None, "no key"),
        ("# nothing\n\n", None, "no key"),
        (f"a:{GOOD}\nsecret-canary", 2, "NAME:SCOPES:sha256:HEX"),
        ("a:ask:sha256:123canary", 1, "NAME:SCOPES:sha256:HEX"),
        ("a:ask:md5:" + "0" * 64, 1, "NAME:SCOPES:sha256:HEX"),
        (f"a:ask:more:{GOOD}", 1, "NAME:SCOPES:sha256:HEX"),
        (f"a:canary:{GOOD}", 1, "ask, ingest"),
        (f"a::{GOOD}", 1, "ask, ingest"),
        (f":ask:{GOOD}", 1, "name"),
        (f"can ary:ask:{GOOD}", 1, "name"),
        (f"a:{GOOD}\nb:{GOOD}", 2, "same key"),
        (f"a:{GOOD}\n\na:sha256:{'1' * 64}", 3, "same name"),
    ],
)
def test_wrong_files(text, line, words, tmp_path):
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FlowError) as caught:
        read_keys(str(path))
    assert (caught.value.location.file, caught.value.location.line) == (str(path), line)
    assert words in str(caught.value)
    assert "canary" not in caught.value.message + caught.value.hint


def test_no_file(tmp_path):
    with pytest.raises(FlowError, match="unreadable"):
        read_keys(str(tmp_path / "none"))


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 19, "with a blank " + "x" * 20, "é" * 30, "x" * 30 + "\x00"]
)
def test_keys_that_nobody_should_have(key):
    with pytest.raises(FlowError) as caught:
        hash_key(key)
    assert not key or key not in str(caught.value)


async def test_the_command_makes_a_line_and_reads_it(graph, spawn, http, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "opea_pulumi.router", "--hash-key"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(f"{ASK}\n".encode())
    assert (process.returncode, out.decode(), err) == (0, hash_key(ASK) + "\n", b"")
    path = tmp_path / "keys"
    path.write_text(f"me:ask:{out.decode()}", encoding="utf-8")
    router = await spawn(
        "--graph-json", json.dumps(graph()), "--port", 0, OPEA_ROUTER_API_KEYS_FILE=str(path)
    )
    event = await router.event("listening")
    assert event["api_keys"] == 1
    url = f"http://127.0.0.1:{event['port']}/graph"
    for headers, status in ((bearer(ASK), 200), ({}, 401)):
        async with http.get(url, headers=headers) as response:
            assert response.status == status


async def test_an_empty_variable_is_no_open_door(graph, spawn):
    process = await spawn("--graph-json", json.dumps(graph()), "--port", 0, OPEA_ROUTER_API_KEYS_FILE="")
    code, _, err = await process.end()
    assert code == 1
    assert "the keys can't be read" in err


async def test_a_wrong_file_ends_the_start(graph, spawn, tmp_path):
    path = tmp_path / "keys"
    path.write_text("canary", encoding="utf-8")
    process = await spawn("--graph-json", json.dumps(graph()), "--port", 0, "--api-keys-file", path)
    code, out, err = await process.end()
    assert (code, out) == (1, "")
    assert f"{path}:1" in err
    assert "canary" not in err
    assert "Traceback" not in err
