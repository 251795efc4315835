"""Real service processes on free ports, and a pipeline of all five."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

LISTENING = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")


class Service:
    """One running process; its output is in ``log``."""

    def __init__(self, name: str, folder: Path, **environment: str) -> None:
        self.name = name
        self.log_file = folder / f"{name}-{time.monotonic_ns()}.log"
        inherited = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"opea_pulumi.embedded.{name}", "--port", "0"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=inherited | environment,
            )
        self.url = self._wait()
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def _wait(self) -> str:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            found = LISTENING.search(self.log)
            if found:
                return found[1]
            time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"{self.name} didn't start:\n{self.log}")

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        response = self.http.post(path, json=body, **more)
        assert response.status_code == 200, response.text
        return response.json()

    def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Send the signal and return the seconds until the process was gone."""
        self.http.close()
        started = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(timeout=20)
        return time.monotonic() - started


@dataclass
class Pipeline:
    """The five services over one store, and the calls that the router makes."""

    folder: Path
    started: list[Service] = field(default_factory=list)

    def __post_init__(self) -> None:
        try:
            self._start_all()
        except BaseException:
            self.end()
            raise

    def _start_all(self) -> None:
        self.store = str(self.folder / "store")
        self.embedding = self._start("embedding")
        self.dataprep = self.start_dataprep()
        self.retriever = self.start_retriever()
        self.reranking = self._start("reranking")
        self.llm = self._start("llm")

    def end(self) -> None:
        """End what still runs."""
        for service in self.started:
            if service.process.poll() is None:
                service.end()

    def _start(self, name: str, **environment: str) -> Service:
        self.started.append(Service(name, self.folder, **environment))
        return self.started[-1]

    def start_dataprep(self, **environment: str) -> Service:
        settings = {"VECTOR_STORE_PATH": self.store, "TEI_EMBEDDING_ENDPOINT": self.embedding.url}
        return self._start("dataprep", **(settings | environment))

    def start_retriever(self) -> Service:
        return self._start("retriever", VECTOR_STORE_PATH=self.store)

    def ingest(self, *files: tuple[str, bytes], **form: Any) -> httpx.Response:
        return self.dataprep.http.post(
            "/v1/dataprep/ingest", files=[("files", file) for file in files], data=form
        )

    def names(self) -> list[str]:
        return [item["name"] for item in self.dataprep.post("/v1/dataprep/get")]

    def retrieve(self, question: str, **params: Any) -> dict[str, Any]:
        answer = self.embedding.post("/v1/embeddings", {"input": question})
        request = {"text": question, "embedding": answer["data"][0]["embedding"], **params}
        return self.retriever.post("/v1/retrieval", request)

    def sources(self, question: str, **params: Any) -> list[str]:
        return [item["source"] for item in self.retrieve(question, **params)["metadata"]]

    def ask(self, question: str, top_n: int = 1) -> str:
        found = self.retrieve(question)
        of_text = {
            doc["text"]: item["source"]
            for doc, item in zip(found["retrieved_docs"], found["metadata"], strict=True)
        }
        best = self.reranking.post("/v1/reranking", found | {"top_n": top_n})["documents"]
        documents = [{"text": text, "source": of_text[text]} for text in best]
        messages = [{"role": "user", "content": question}]
        answer = self.llm.post("/v1/chat/completions", {"messages": messages, "documents": documents})
        return answer["choices"][0]["message"]["content"]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """One pipeline for a test module; tests that share it use their own index or file names."""
    running = Pipeline(tmp_path_factory.mktemp("pipeline"))
    yield running
    running.end()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services of one test by name; they end with it."""
    started: list[Service] = []

    def start_one(name: str, **environment: str) -> Service:
        started.append(Service(name, tmp_path, **environment))
        return started[-1]

    yield start_one
    for service in started:
        if service.process.poll() is None:
            service.end()
