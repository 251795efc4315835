"""Time to the first byte of an answer through the whole pipeline. Rival: its services called one by one."""

import http.client
import json
import statistics
import time
from urllib.parse import urlsplit

from benchmarks.tools import COMMAND, STACK, cost_of, deployed, ratio, spread, table

ROUNDS = 60
QUESTION = "How long does the battery of the Halden H2 last?"
DOCUMENT = "The battery of the Halden H2 lasts 34 months. The Halden H2 measures soil moisture.\n"


def run() -> str:
    with deployed() as (app, environ):
        (app / "manual.txt").write_text(DOCUMENT)
        cost_of([*COMMAND, "up", str(app), *STACK], **environ)
        cost_of([*COMMAND, "ingest", *STACK, str(app / "manual.txt")], **environ)
        endpoints = _endpoints(environ)
        clients = {name: _Client(url) for name, url in endpoints.items()}
        measured = {"openai": [], "mega": [], "by hand": []}
        for _ in range(ROUNDS + 5):
            measured["mega"].append(clients["router"].first_byte("/v1/chatqna", {"messages": QUESTION}))
            body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
            measured["openai"].append(clients["router"].first_byte("/v1/chat/completions", body))
            measured["by hand"].append(_by_hand(clients))
    kept = {name: values[5:] for name, values in measured.items()}
    rows = [
        (
            "/v1/chatqna (4 services behind the router)",
            spread(kept["mega"], "ms"),
            ratio(kept["mega"], kept["by hand"]),
        ),
        ("/v1/chat/completions", spread(kept["openai"], "ms"), ratio(kept["openai"], kept["by hand"])),
        ("the 4 services one after the other, no router", spread(kept["by hand"], "ms"), "1.00 x"),
    ]
    added = statistics.median(kept["openai"]) - statistics.median(kept["by hand"])
    title = f"first byte of an answer ({ROUNDS} rounds); the router adds {added * 1000:.1f} ms"
    return table(title, ("what", "min / median / max", "to by hand"), rows)


def _endpoints(environ: dict[str, str]) -> dict[str, str]:
    import os
    import subprocess

    printed = subprocess.run(
        [*COMMAND, "outputs", *STACK, "--json"],
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
    )
    return json.loads(printed.stdout)["endpoints"]


class _Client:
    """One keep-alive connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def post(self, path: str, body: object) -> object:
        return json.loads(self._send(path, body).read())

    def first_byte(self, path: str, body: object) -> float:
        started = time.perf_counter()
        answer = self._send(path, body)
        answer.read(1)
        elapsed = time.perf_counter() - started
        answer.read()
        return elapsed

    def _send(self, path: str, body: object) -> http.client.HTTPResponse:
        self._connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {answer.read()!r}")
        return answer


def _by_hand(clients: dict[str, _Client]) -> float:
    started = time.perf_counter()
    vector = clients["embedding"].post("/v1/embeddings", {"input": QUESTION})["data"][0]["embedding"]
    found = clients["retrieval"].post("/v1/retrieval", {"text": QUESTION, "embedding": vector})
    texts = {"initial_query": QUESTION, "retrieved_docs": found["retrieved_docs"], "top_n": 3}
    ranked = clients["reranking"].post("/v1/reranking", texts)
    body = {
        "messages": [{"role": "user", "content": QUESTION}],
        "documents": ranked["documents"],
        "stream": True,
    }
    clients["llm"].first_byte("/v1/chat/completions", body)
    return time.perf_counter() - started
