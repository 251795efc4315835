"""gmcrouter's paths beside the graph: /dataprep, /ui and /assets/ (gmc.md 3.9, 3.10)."""

import aiohttp
import pytest
from yarl import URL

from opea_pulumi.router._gmc import is_plain

DOWNSTREAM = {"isDownstreamService": True}


@pytest.fixture
async def parts(services):
    return {name: await services(name) for name in ("first", "second", "ui", "llm")}


@pytest.fixture
async def base(parts, start):
    steps = [
        {"name": "DataPrep", "serviceUrl": parts["first"].url + "/v1/dataprep/ingest"},
        {"name": "DataPrep", "serviceUrl": parts["second"].url + "/own"},
        {"name": "UI", "serviceUrl": parts["ui"].url},
    ]
    for step, name in zip(steps, ("first-svc", "second-svc", "ui-svc"), strict=True):
        step["internalService"] = {**DOWNSTREAM, "serviceName": name}
    steps.append({"name": "Llm", "internalService": {}, "serviceUrl": parts["llm"].url})
    return await start({"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": steps}}}})


@pytest.fixture
async def bare(parts, start):
    """A graph with an llm only."""
    steps = [{"name": "Llm", "serviceUrl": parts["llm"].url}]
    return await start({"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": steps}}}})


class TestDataprep:
    @pytest.mark.parametrize(
        ("name", "service", "path"),
        [
            (None, "first", "/v1/dataprep/ingest"),
            ("first-svc", "first", "/v1/dataprep/ingest"),
            ("second-svc", "second", "/own"),
        ],
    )
    async def test_an_upload(self, name, service, path, base, parts, http):
        parts[service].answers({"status": 201, "json": {"ok": 1}, "headers": {"X-Own": "1"}})
        form = aiohttp.FormData()
        form.add_field("files", b"some text", filename="a.txt", content_type="text/markdown")
        headers = {"SERVICE_NAME": name, "X-Mine": "2"} if name else {"X-Mine": "2"}
        async with http.post(base + "/dataprep", data=form, headers=headers) as response:
            assert (response.status, await response.json()) == (201, {"ok": 1})
            assert response.headers["X-Own"] == "1"
        (call,) = parts[service].calls
        assert (call.method, call.path) == ("POST", path)
        assert b"Content-Type: text/markdown" in call.body  # upstream makes it octet-stream
        assert b"some text" in call.body
        assert call.headers["X-Mine"] == "2"
        assert sum(len(part.calls) for part in parts.values()) == 1

    async def test_no_such_service(self, base, parts, http):
        async with http.post(base + "/dataprep", data=b"x", headers={"SERVICE_NAME": "other"}) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (404, "no-such-step")
        assert not any(part.calls for part in parts.values())

    async def test_a_graph_without(self, bare, parts, http):
        async with http.post(bare + "/dataprep", json={}) as response:
            assert response.status == 404
        assert not parts["llm"].calls

    async def test_other_methods(self, base, http):
        async with http.get(base + "/dataprep") as response:
            assert response.status == 405

    async def test_too_large(self, parts, start, http):
        steps = [
            {"name": "DataPrep", "internalService": DOWNSTREAM, "serviceUrl": parts["first"].url},
            {"name": "Llm", "serviceUrl": parts["llm"].url},
        ]
        nodes = {"root": {"routerType": "Sequence", "steps": steps}}
        base = await start({"spec": {"nodes": nodes}}, max_upload=10)
        async with http.post(base + "/dataprep", data=b"x" * 100) as response:
            assert response.status == 413

    async def test_get_and_delete_of_release_1_5(self, base, parts, http):
        for operation in ("get", "delete"):
            async with http.post(f"{base}/v1/dataprep/{operation}", json={"file_path": "all"}) as response:
                assert response.status == 200
            assert parts["first"].calls[-1].path == f"/v1/dataprep/{operation}"


class TestUi:
    @pytest.mark.parametrize(
        "path", ["/ui", "/ui?a=1%202", "/assets/index-1.js", "/assets/a/b.css", "/assets/"]
    )
    async def test_pages_come_from_the_ui(self, path, base, parts, http):
        parts["ui"].answers(
            {"text": "page", "headers": {"ETag": '"1"', "Cache-Control": "max-age=9", "Set-Cookie": "a=b"}}
        )
        sent = {"Authorization": "Bearer x", "Cookie": "a=b", "If-None-Match": '"0"', "X-Other": "1"}
        async with http.get(URL(base + path, encoded=True), headers=sent) as response:
            assert (response.status, await response.text()) == (200, "page")
            assert (response.headers["ETag"], response.headers["Cache-Control"]) == ('"1"', "max-age=9")
            assert "Set-Cookie" not in response.headers
        (call,) = parts["ui"].calls
        assert (call.method, call.path) == ("GET", path)
        assert call.headers["If-None-Match"] == '"0"'
        assert not {"Authorization", "Cookie", "X-Other"} & set(call.headers)

    async def test_head(self, base, parts, http):
        parts["ui"].answers({"text": "page"})
        async with http.head(base + "/assets/a.js") as response:
            assert (response.status, response.headers["Content-Length"]) == (200, "4")
        assert parts["ui"].calls[0].method == "HEAD"

    @pytest.mark.parametrize("status", [304, 404, 500])
    async def test_statuses_are_the_ui_s(self, status, base, parts, http):
        parts["ui"].answers({"status": status, "text": ""})
        async with http.get(base + "/assets/a.js") as response:
            assert response.status == status

    async def test_redirects_are_not_followed(self, base, parts, http):
        parts["ui"].answers({"status": 302, "text": "", "headers": {"Location": parts["llm"].url + "/in"}})
        async with http.get(base + "/ui", allow_redirects=False) as response:
            assert response.status == 302
        assert not parts["llm"].calls

    @pytest.mark.parametrize(
        "path",
        [
            "/assets/../graph",
            "/assets/%2e%2e/graph",
            "/assets/%2e%2e%2fgraph",
            "/assets/..%2fgraph",
            "/assets/a/../../graph",
            "/assets/%252e%252e/graph",
            "/assets/..%5cgraph",
            "/assets/.%2e/x",
            "/assets/a%00",
        ],
    )
    async def test_no_way_out(self, path, base, parts, raw):
        head = await raw(base, f"GET {path} HTTP/1.1")
        assert b" 404 " in head.splitlines()[0]
        assert not parts["ui"].calls

    @pytest.mark.parametrize("target", ["http://127.0.0.1:9/assets/a.js", "http://evil.invalid/assets/a.js"])
    async def test_no_other_server(self, target, base, parts, raw):
        parts["ui"].answers({"text": "page"})
        head = await raw(base, f"GET {target} HTTP/1.1")
        assert b" 200 " in head.splitlines()[0]
        assert parts["ui"].calls[0].path == "/assets/a.js"

    async def test_methods(self, base, parts, http):
        for method, path in (("PUT", "/ui"), ("DELETE", "/assets/a"), ("PUT", "/assets/a")):
            async with http.request(method, base + path) as response:
                assert response.status == 405
        assert not parts["ui"].calls

    async def test_a_graph_without(self, bare, parts, http):
        for path in ("/ui", "/assets/a.js"):
            async with http.get(bare + path) as response:
                assert (response.status, (await response.json())["error"]["code"]) == (404, "no-such-step")
        async with http.post(bare + "/ui", json={"messages": "a"}) as response:
            assert response.status == 404
        assert not parts["llm"].calls

    async def test_only_in_pass_through(self, graph, start, http):
        base = await start(graph())
        for path in ("/ui", "/assets/a.js"):
            async with http.get(base + path) as response:
                assert response.status == 404

    async def test_large_pages_are_whole(self, base, parts, http):
        parts["ui"].answers({"text": "x" * 3_000_000})
        async with http.get(base + "/assets/big.js") as response:
            assert len(await response.read()) == 3_000_000


@pytest.fixture
def raw():
    """A function: send a request's first line as it is; gives the answer's head."""
    import asyncio

    async def send(base, line):
        url = URL(base)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"{line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        try:
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()

    return send


@pytest.mark.parametrize("path", ["/ui", "/assets/a.b/..c/d..", "/assets/%20%C3%A9", "/assets/a%2Fb"])
def test_plain_paths(path):
    assert is_plain(path)
