"""An llm with a url: any OpenAI-compatible server answers, and its key is nowhere in plain text."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opea_command import write_app

KEY = "sk-canary-4f1d0c"
QUESTION = "How many vacation days do employees get?"


class OpenAIServer(BaseHTTPRequestHandler):
    """Answers chat completions to who has the key."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._answer(401, "application/json", json.dumps({"error": {"message": "wrong key"}}))
            return
        words = ({"content": word} for word in ("Twenty", "-", "seven."))
        rows = [{"index": 0, "delta": delta, "finish_reason": None} for delta in words]
        rows.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        chunks = [json.dumps({"object": "chat.completion.chunk", "choices": [row]}) for row in rows]
        self._answer(200, "text/event-stream", "".join(f"data: {text}\n\n" for text in [*chunks, "[DONE]"]))

    def _answer(self, status, kind, text):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), OpenAIServer) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_key_comes_from_the_environment_once_and_stays_a_secret(command, server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}/v1"
    app = write_app(
        command.cwd, f"opea_app: chatqna\nopea_micro_services: {{llm: {{url: '{url}', model: m-9}}}}\n"
    )
    monkeypatch.setenv("OPEA_LLM_API_KEY", KEY)
    shown = command.run("up", str(app))
    command("ingest", str(app / "handbook.md"))
    answer = command.run("ask", QUESTION)
    assert "Twenty-seven." in answer.stdout
    assert "sources: handbook.md" in answer.stdout
    sent = server.asked[-1]
    assert sent["model"] == "m-9"
    assert "27 days" in sent["messages"][-1]["content"]
    assert "documents" not in sent
    # a later up without the variable keeps the key, and finds nothing to do
    monkeypatch.delenv("OPEA_LLM_API_KEY")
    assert set(command.json("up", str(app))["changes"]) == {"same"}
    assert "Twenty-seven." in command("ask", QUESTION)
    printed = shown.stdout + shown.stderr + command("outputs") + command("logs", "-n", "10000")
    assert KEY not in printed
    files = [path for path in command.home.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert not [process for process in command.processes() if KEY in " ".join(process.cmdline())]


def test_a_wrong_key_is_the_server_s_own_word(command, server, monkeypatch):
    url = f"http://127.0.0.1:{server.server_port}"
    app = write_app(command.cwd, f"opea_app: chatqna\nopea_micro_services: {{llm: {{url: '{url}'}}}}\n")
    monkeypatch.setenv("OPEA_LLM_API_KEY", "sk-wrong-canary")
    command("up", str(app))
    command("ingest", str(app / "handbook.md"))
    shown = command.run("ask", QUESTION, exit_code=1).stderr
    assert "wrong key" in shown
    assert "llm" in shown
    assert "sk-wrong-canary" not in shown
