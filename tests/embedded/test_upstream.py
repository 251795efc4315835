"""The llm service before a fake OpenAI-compatible server: what it sends, and what comes back."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import openai
import pytest

KEY = "sk-a-secret-key-of-the-user"
CHUNK = '{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}'


def chunk(text):
    return CHUNK % json.dumps({"index": 0, "delta": {"content": text}, "finish_reason": None})


class FakeOpenAI(BaseHTTPRequestHandler):
    """Behaves as the question says; notes each request, and when a client went away."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200, {"object": "list", "data": [{"id": "theirs", "object": "model"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], body))
        word = body["messages"][-1]["content"].split()[0]
        if word.isdigit():
            self.answer(int(word), {"error": {"message": f"no: {self.headers['Authorization']}"}})
        elif body.get("stream"):
            self.stream(word)
        elif word == "wait":
            self.wait_for_close()
        else:
            message = {"role": "assistant", "content": "hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            head = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
            self.answer(200, head | {"choices": [choice]})

    def answer(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def stream(self, word):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.event(chunk("first "))
        if word == "break":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif word == "wait":
            self.wait_for_close()
        else:
            self.server.go_on.wait(20)  # until the client has read the first chunk
            self.event(chunk("second"))
            self.event("[DONE]")
            self.wfile.write(b"0\r\n\r\n")

    def event(self, data):
        content = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.flush()

    def wait_for_close(self):
        self.server.waiting.set()
        self.connection.settimeout(20)
        if self.connection.recv(1) == b"":
            self.server.closed.set()
        self.close_connection = True

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    fake = ThreadingHTTPServer(("127.0.0.1", 0), FakeOpenAI)
    fake.seen = []
    fake.go_on, fake.waiting, fake.closed = threading.Event(), threading.Event(), threading.Event()
    fake.url = f"http://127.0.0.1:{fake.server_port}"
    thread = threading.Thread(target=fake.serve_forever)
    thread.start()
    yield fake
    fake.shutdown()
    thread.join()
    fake.server_close()


@pytest.fixture
def llm(start, server):
    return start("llm", LLM_ENDPOINT=server.url, LLM_MODEL_ID="their-model", OPENAI_API_KEY=KEY)


def body(content, **more):
    return {"messages": [{"role": "user", "content": content}], **more}


def test_the_prompt_is_built_and_the_key_sent(llm, server):
    request = body(
        "When?", documents=[{"text": "At {question} noon.", "source": "a.txt"}], top_n=3, temperature=0.5
    )
    request["messages"].insert(0, {"role": "system", "content": "Be brief."})
    answer = llm.post("/v1/chat/completions", request)
    assert answer["choices"][0]["message"]["content"] == "hello"
    [(path, authorization, sent)] = server.seen
    assert (path, authorization) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert set(sent) == {"messages", "temperature", "model"}
    assert sent["model"] == "their-model"
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    prompt = sent["messages"][1]["content"]
    assert "### Search results: [a.txt]\nAt {question} noon.\n" in prompt
    assert "### Question: When?\n" in prompt


def test_without_documents_the_messages_stay_as_they_are(llm, server):
    llm.post("/v1/chat/completions", body("Hi", seed=4, tools=[]))
    assert server.seen[0][2] == body("Hi", seed=4, tools=[], model="their-model")


def test_a_chat_template_is_used(llm, server):
    request = body("When?", documents=["{question}"], chat_template="Q: {question} C: {context}")
    llm.post("/v1/chat/completions", request)
    assert server.seen[0][2]["messages"][0]["content"] == "Q: When? C: {question}"


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_any_form_of_base_url(start, server, suffix):
    llm = start("llm", LLM_ENDPOINT=server.url + suffix)
    llm.post("/v1/chat/completions", body("Hi", model="mine"))
    assert server.seen[0][0] == "/v1/chat/completions"
    assert server.seen[0][1] is None
    assert server.seen[0][2]["model"] == "mine"
    assert llm.http.get("/v1/models").json()["data"][0]["id"] == "theirs"


def test_a_stream_is_not_held_back(llm, server):
    with (
        openai.OpenAI(base_url=f"{llm.url}/v1", api_key="none", max_retries=0) as client,
        client.chat.completions.create(model="x", stream=True, **body("Hi")) as stream,
    ):
        pieces = iter(stream)
        assert next(pieces).choices[0].delta.content == "first "
        server.go_on.set()  # the second chunk is only sent now
        assert [piece.choices[0].delta.content for piece in pieces] == ["second"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("theirs", "ours"), [(400, 400), (401, 401), (429, 429), (500, 502), (503, 502)])
def test_errors_come_back_truthfully_and_without_the_key(llm, theirs, ours, stream):
    answer = llm.http.post("/v1/chat/completions", json=body(f"{theirs} please", stream=stream))
    assert answer.status_code == ours
    assert answer.json()["error"]["message"]
    assert KEY not in answer.text
    assert KEY not in llm.log


def collect(chunks, parts):
    for part in chunks:
        parts.append(part)


def test_a_broken_stream_has_no_clean_end(llm):
    parts = []
    request = body("break", stream=True)
    with (
        pytest.raises(httpx.RemoteProtocolError),
        llm.http.stream("POST", "/v1/chat/completions", json=request) as answer,
    ):
        collect(answer.iter_raw(), parts)
    received = b"".join(parts)
    assert b"first " in received
    assert b'"code": "upstream-unavailable"' in received
    assert b"[DONE]" not in received
    assert "Traceback" not in llm.log


def test_a_server_that_is_not_there(start):
    llm = start("llm", LLM_ENDPOINT="http://127.0.0.1:1", OPENAI_API_KEY=KEY)
    answer = llm.http.post("/v1/chat/completions", json=body("Hi"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream-unavailable")
    assert llm.http.get("/v1/health_check").status_code == 200


def test_a_server_that_is_too_slow(start, server):
    llm = start("llm", LLM_ENDPOINT=server.url, LLM_TIMEOUT_SECONDS="0.3")
    answer = llm.http.post("/v1/chat/completions", json=body("wait"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "upstream-timeout")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_call_upstream(llm, server, stream):
    with socket.create_connection(("127.0.0.1", int(llm.url.rsplit(":", 1)[1]))) as client:
        content = json.dumps(body("wait", stream=stream)).encode()
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        client.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        assert server.waiting.wait(20)
        if stream:
            assert b"200 OK" in client.recv(1000)
        assert not server.closed.is_set()
    started = time.monotonic()
    assert server.closed.wait(20)
    assert time.monotonic() - started < 3


def test_a_bad_endpoint_ends_the_start(start):
    with pytest.raises(AssertionError, match="LLM_ENDPOINT must be an http or https URL"):
        start("llm", LLM_ENDPOINT="ftp://x")
