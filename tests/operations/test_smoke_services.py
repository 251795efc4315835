"""The smoke test against the real router and the real embedded services, as processes, wired as asked."""

from __future__ import annotations

import json
import math
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from opea_pulumi.application import load_application
from opea_pulumi.blueprint import Blueprint, EndpointValue, LiteralValue, PathValue, Workload, build_blueprint
from opea_pulumi.flow import dump_flow
from opea_pulumi.operations import Document, connect, documents, ingest_file, smoke_test
from opea_pulumi.terms import Profile

ROOT = Path(__file__).parents[2]
_LISTENS = re.compile(r'running on (http://[0-9.]+:\d+)|"port": ?(\d+)')


class Pipeline:
    """Starts the blueprint's workloads in their order, each on a port of its own."""

    def __init__(self, store: Path, **environment: dict[str, str]) -> None:
        loaded = load_application(ROOT / "examples/chatqna")
        profile = Profile.EMBEDDED
        self.blueprint: Blueprint = build_blueprint(loaded.application, name=loaded.name, profile=profile)
        self.store = store
        self.changed = environment
        self.urls: dict[str, str] = {}
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        for workload in self.blueprint.workloads:
            self.urls[workload.name] = self._start(workload)

    def end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.communicate(timeout=20)

    def _start(self, workload: Workload) -> str:
        environment = {key: self._value(value) for key, value in workload.environment.items()}
        words = [self._word(word) for word in (*workload.command[1:], *workload.args)]
        process = subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, **environment, **self.changed.get(workload.name, {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._processes.append(process)
        said = ""
        for line in process.stdout or ():
            said += line
            if found := _LISTENS.search(line):
                threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it can go on
                return found[1] or f"http://127.0.0.1:{found[2]}"
        raise AssertionError(f"{workload.name} ended: {said}")

    def _value(self, value: object) -> str:
        match value:
            case LiteralValue():
                return value.value
            case EndpointValue():
                host, _, port = self.urls[value.workload].removeprefix("http://").partition(":")
                return value.format.format(host=host, port=port)
            case PathValue():
                return str(self.store)
        raise AssertionError(value)

    def _word(self, word: str) -> str:
        if word == "{graph}":
            return dump_flow(self.blueprint.resolved_flow(self.urls.__getitem__))
        return {"{host}": "127.0.0.1", "{port}": "0"}.get(word, word)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    started = Pipeline(tmp_path)
    yield started
    started.end()


def _results(pipeline: Pipeline) -> list[tuple[str, str]]:
    application = connect({"endpoints": pipeline.urls})
    return [(result.hop, result.error) for result in smoke_test(application)]


def _names(pipeline: Pipeline) -> list[str]:
    return [row["name"] for row in documents(connect({"endpoints": pipeline.urls}))]


def test_all_right_beside_documents_of_the_user(pipeline):
    pipeline.start()
    application = connect({"endpoints": pipeline.urls})
    for name in ("halden-h2-manual.md", "warranty.txt", "gateway.html"):
        ingest_file(application, Document(ROOT / "examples/chatqna/documents" / name, name))
    hops = ["dataprep", "embedding", "retrieval", "reranking", "llm", "router"]
    assert _results(pipeline) == [(hop, "") for hop in hops]
    assert _names(pipeline) == ["gateway.html", "halden-h2-manual.md", "warranty.txt"]


def test_another_index_name_at_the_retriever(pipeline):
    pipeline.changed["retrieval"] = {"INDEX_NAME": "another"}
    pipeline.start()
    results = _results(pipeline)
    assert [hop for hop, _ in results] == ["dataprep", "embedding", "retrieval"]
    assert results[:2] == [("dataprep", ""), ("embedding", "")]
    assert "index name" in results[-1][1]
    assert _names(pipeline) == []


def test_another_embedding_model_at_the_dataprep(pipeline, other_model):
    """Of the same dimension: nothing but the distance of the vectors can tell."""
    pipeline.changed["dataprep"] = {"TEI_EMBEDDING_ENDPOINT": other_model}
    pipeline.start()
    results = _results(pipeline)
    assert [hop for hop, _ in results] == ["dataprep", "embedding", "retrieval"]
    assert results[:2] == [("dataprep", ""), ("embedding", "")]
    assert "embedding model" in results[-1][1]
    assert _names(pipeline) == []


@pytest.fixture
def other_model() -> Iterator[str]:
    """TEI's interface over vectors that depend on the text, and on nothing that wordllama knows."""

    def vector(text: str) -> list[float]:
        source = random.Random(text)
        values = [source.gauss(0, 1) for _ in range(256)]
        length = math.hypot(*values)
        return [value / length for value in values]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send({"model_id": "another-model", "max_client_batch_size": 32})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._send([vector(text) for text in body["inputs"]])

        def _send(self, data: object) -> None:
            body = json.dumps(data).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
