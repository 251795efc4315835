"""Restarts, kills, two writers and readers at once, a wrong model, and a store that can't be written."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from opea_pulumi.embedded._sqlite import Database
from opea_pulumi.embedded._store import EmbeddingModel, NewDocument, NewPassage, VectorStore
from opea_pulumi.embedded._wordllama import load_embedder
from opea_pulumi.errors import OperationError


def embed_doc(text, model="wordllama-256", **more):
    return {"text": text, "embedding": load_embedder(model).embed([text])[0].tolist(), **more}


def test_documents_survive_kill_and_restart(pipeline):
    pipeline.ingest(("kept.txt", b"The ferry to Anholt leaves at 07:45."))
    pipeline.dataprep.end(signal.SIGKILL)
    pipeline.retriever.end(signal.SIGKILL)
    pipeline.dataprep, pipeline.retriever = pipeline.start_dataprep(), pipeline.start_retriever()
    assert pipeline.names() == ["kept.txt"]
    assert "07:45" in pipeline.ask("When does the ferry to Anholt leave?")


def test_a_store_made_anew_is_seen_by_a_running_retriever(pipeline):
    pipeline.ingest(("old.txt", b"The code word is heron."), index_name="anew")
    assert pipeline.sources("code word", index_name="anew") == ["old.txt"]
    for path in Path(pipeline.store).glob("anew.db*"):
        path.unlink()
    assert pipeline.sources("code word", index_name="anew") == []
    pipeline.ingest(("new.txt", b"The code word is stork."), index_name="anew")
    assert pipeline.sources("code word", index_name="anew") == ["new.txt"]


def test_readers_see_whole_documents_while_they_are_replaced(pipeline):
    """Each version has 30 passages with its number: an answer must never mix two versions."""
    stop = threading.Event()
    seen: list[set[str]] = []
    request = embed_doc("station report", index_name="busy", k=100)

    def read():
        while not stop.is_set():
            docs = pipeline.retriever.post("/v1/retrieval", request)["retrieved_docs"]
            seen.append({f"{len(docs)} of " + doc["text"].split("version ")[1].split(".")[0] for doc in docs})

    def version(number):
        sections = "\n".join(
            f"## Station {s}\n\nReport of station {s}, version {number}.\n" for s in range(30)
        )
        return "busy.md", sections.encode()

    assert pipeline.ingest(version(0), index_name="busy").status_code == 200
    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 30):
        assert pipeline.ingest(version(number), index_name="busy").status_code == 200
    stop.set()
    reader.join()
    assert all(len(versions) == 1 and min(versions).startswith("30 of ") for versions in seen)
    assert len(set().union(*seen)) > 5


def test_writers_of_two_processes_wait_for_each_other(pipeline, start):
    second = pipeline.start_dataprep()
    failed = []

    def ingest(service, letter):
        for number in range(10):
            name = f"{letter}{number}.txt"
            files = {"files": (name, f"Text {name} about rivers.".encode())}
            answer = service.http.post("/v1/dataprep/ingest", files=files, data={"index_name": "two"})
            if answer.status_code != 200:
                failed.append(answer.text)

    threads = [
        threading.Thread(target=ingest, args=pair) for pair in ((pipeline.dataprep, "a"), (second, "b"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    second.end()
    assert failed == []
    assert len(pipeline.dataprep.post("/v1/dataprep/get", {"index_name": "two"})) == 20


def test_another_model_is_refused_on_both_sides(pipeline, start):
    pipeline.ingest(("model.txt", b"Made with the first model."), index_name="model")
    small = start("embedding", EMBEDDING_MODEL_ID="wordllama-128")
    dataprep = pipeline.start_dataprep(TEI_EMBEDDING_ENDPOINT=small.url)
    for content in (b"Made with the first model.", b"changed"):
        refused = dataprep.http.post(
            "/v1/dataprep/ingest", files={"files": ("model.txt", content)}, data={"index_name": "model"}
        )
        assert refused.status_code == 409
        assert "wordllama-256 (256 dimensions)" in refused.json()["detail"]
        assert "wordllama-128 (128 dimensions)" in refused.json()["detail"]
    refused = pipeline.retriever.http.post(
        "/v1/retrieval", json=embed_doc("first model", "wordllama-128", index_name="model")
    )
    assert refused.status_code == 409
    assert "wordllama-256 (256 dimensions)" in refused.json()["detail"]
    dataprep.post("/v1/dataprep/delete", {"file_path": "all", "index_name": "model"})
    again = dataprep.http.post(
        "/v1/dataprep/ingest", files={"files": ("model.txt", b"anew")}, data={"index_name": "model"}
    )
    assert again.status_code == 200
    dataprep.end()


def test_a_missing_embedding_service_is_named(pipeline):
    dataprep = pipeline.start_dataprep(TEI_EMBEDDING_ENDPOINT="http://127.0.0.1:1")
    refused = dataprep.http.post("/v1/dataprep/ingest", files={"files": ("x.txt", b"text")})
    assert refused.status_code == 503
    assert "http://127.0.0.1:1/info" in refused.json()["detail"]
    dataprep.end()


def test_an_index_that_is_not_there_finds_nothing_and_is_not_made(pipeline):
    assert pipeline.retrieve("anything", index_name="nowhere") == {
        "retrieved_docs": [],
        "initial_query": "anything",
        "top_n": 1,
        "metadata": [],
    }
    assert not (Path(pipeline.store) / "nowhere.db").exists()
    assert pipeline.dataprep.post("/v1/dataprep/delete", {"file_path": "all", "index_name": "nowhere"})
    assert not (Path(pipeline.store) / "nowhere.db").exists()


BIG = "\n\n".join(f"Paragraph {number} about glaciers and their moraines." for number in range(8000)).encode()


def test_a_full_store_is_said_and_keeps_what_it_has(pipeline):
    dataprep = pipeline.start_dataprep(VECTOR_STORE_MAX_BYTES="2000000")
    post = lambda name, text: dataprep.http.post(  # noqa: E731
        "/v1/dataprep/ingest",
        files={"files": (name, text)},
        data={"index_name": "full", "chunk_size": 100, "chunk_overlap": 0},
    )
    assert post("small.txt", b"The first document is about penguins.").status_code == 200
    full = post("big.txt", BIG)
    assert full.status_code == 507, full.text
    assert "no space left" in full.json()["detail"]
    assert pipeline.sources("penguins", index_name="full", k=100) == ["small.txt"]
    assert post("next.txt", b"The next one is about seals.").status_code == 200
    dataprep.end()


def test_a_write_that_the_system_refuses_is_said_and_keeps_what_there_is(tmp_path):
    """The process may write no file beyond 3 MB: the kernel fails a write amid the transaction."""
    script = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
from pathlib import Path
import numpy as np
from opea_pulumi.embedded._store import *
from opea_pulumi.errors import OperationError
store = VectorStore(Path(sys.argv[1]))
model = EmbeddingModel("m", 256)
vector = np.ones(256, dtype=np.float32)
document = lambda name, size: NewDocument(name, name, "d", [NewPassage("x" * 500, name, vector)] * size)
store.put("i", model, [document("small", 10)])
try:
    store.put("i", model, [document("big", 20000)])
except OperationError as error:
    print(error.code, [item.name for item in store.documents("i")])
store.put("i", model, [document("next", 10)])
print([item.name for item in store.documents("i")])
"""
    run = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=False
    )
    first, second = run.stdout.splitlines() or [run.stderr, ""]
    assert first.split(" ", 1)[0] in ("store-full", "store-unavailable"), run.stderr
    assert first.split(" ", 1)[1] == "['small']"
    assert second == "['next', 'small']"


def test_a_damaged_store_is_said(pipeline):
    (Path(pipeline.store) / "damaged.db").write_bytes(b"this is no database" * 1000)
    refused = pipeline.retriever.http.post("/v1/retrieval", json=embed_doc("x", index_name="damaged"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store-unavailable")
    (Path(pipeline.store) / "damaged.db").unlink()


def test_a_folder_that_can_not_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    database = Database(tmp_path / "file" / "index.db")
    with pytest.raises(OperationError) as caught, database.writing():
        pass
    assert caught.value.code == "store-unavailable"


def test_a_failed_change_leaves_nothing_behind(tmp_path):
    store = VectorStore(tmp_path)
    model = EmbeddingModel("m", 256)
    vector = load_embedder().embed(["x"])[0]
    good = NewDocument("good", "t", "1", [NewPassage("text", "text", vector)])
    bad = NewDocument("bad", "t", "1", [NewPassage("text", "text", None)])
    store.put("i", model, [good])
    with pytest.raises(AttributeError):
        store.put("i", model, [NewDocument("good", "t", "2", []), bad])
    assert [(item.name, item.digest, item.passages) for item in store.documents("i")] == [("good", "1", 1)]


def test_a_removed_document_leaves_no_row(tmp_path):
    store = VectorStore(tmp_path)
    vector = load_embedder().embed(["x"])[0]
    store.put("i", EmbeddingModel("m", 256), [NewDocument("a", "t", "1", [NewPassage("x", "x", vector)] * 3)])
    assert store.delete("i", "a")
    with store.database("i").writing() as connection:
        assert connection.pragma("synchronous") == 2  # full
        for table in ("documents", "passages", "vectors", "stems"):
            assert list(connection.execute(f"SELECT count(*) FROM {table}")) == [(0,)]
