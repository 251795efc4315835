"""The commands that speak with a running application, against a server that plays it."""

from pathlib import Path

import pytest
from application_server import delta, events, reply

from opea_pulumi.targets import WorkloadStatus

_CHAT = "/v1/chat/completions"


def test_outputs(opea, world):
    world.deploy("a", outputs={"url": "http://x", "endpoints": {"llm": "http://y"}, "key": "[secret]"})
    assert opea("outputs").out.splitlines() == [
        'endpoints: {"llm": "http://y"}',
        "key: [secret]",
        "url: http://x",
    ]
    assert opea("outputs", "--json").json == world.stacks["a"].outputs


def test_status_of_what_runs(opea, world):
    world.deploy("a")
    world.statuses = [WorkloadStatus("llm", "running", "http://127.0.0.1:9000", "2026-11-24", "pid 7")]
    shown = opea("status")
    assert (shown.code, shown.err) == (0, "engine: found\n")
    assert [line.split() for line in shown.out.splitlines()] == [
        ["WORKLOAD", "STATE", "URL", "SINCE", "DETAIL"],
        ["llm", "running", "http://127.0.0.1:9000", "2026-11-24", "pid", "7"],
    ]


def test_status_of_what_does_not_run(opea, world):
    world.deploy("a")
    world.statuses = [WorkloadStatus("llm", "running"), WorkloadStatus("router", "stopped")]
    shown = opea("status")
    assert shown.code == 1
    assert "not running: router; opea-pulumi logs NAME" in shown.err
    shown = opea("status", "--json")
    assert shown.code == 1
    row = {"url": "", "since": "", "detail": ""}
    assert shown.json == {
        "stack": "a",
        "workloads": [
            {"name": "llm", "state": "running", **row},
            {"name": "router", "state": "stopped", **row},
        ],
    }


@pytest.fixture
def logging(world):
    world.deploy("a")
    world.statuses = [WorkloadStatus("llm", "running"), WorkloadStatus("router", "running")]
    world.logs = {"llm": ["one", "two", "three"], "router": ["[red]no markup[/]"]}


def test_logs_of_one_and_of_all(opea, logging):
    assert opea("logs", "llm", "-n", "2").out == "two\nthree\n"
    assert opea("logs", "-n", "1").out == "llm: three\nrouter: [red]no markup[/]\n"
    assert opea("logs", "llm", "-n", "0").out == ""


def test_logs_as_json_lines(opea, logging):
    assert opea("logs", "-n", "1", "--json").out.splitlines() == [
        '{"workload": "llm", "line": "three"}',
        '{"workload": "router", "line": "[red]no markup[/]"}',
    ]


def test_logs_of_what_is_not_there(opea, logging):
    opea("logs", "x").refused("unknown-workload")
    said = opea("logs", "-f").refused("which-workload", exit_code=2)
    assert "one of llm, router" in said


def test_ingest_list_ask_delete(opea, running):
    Path("docs").mkdir()
    for name in ("a.md", "b.txt"):
        Path("docs", name).write_text("27 days")
    shown = opea("ingest", "docs", "https://example.org/")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.splitlines()[1:] == [
        "ingested a.md",
        "ingested b.txt",
        "ingested https://example.org/",
    ]
    assert opea("ingest", "--list").out.splitlines()[0].split() == ["NAME", "TYPE"]
    shown = opea("ask", "How many?")
    assert shown.out == "An answer.\nsources: a.md, b.txt, https://example.org/\n"
    assert shown.err == f"engine: found\nurl: {running.url}/v1/chatqna\n"
    assert opea("ingest", "--delete", "a.md", "--json").json == {"deleted": "a.md"}
    assert [row["name"] for row in opea("ingest", "--list", "--json").json] == [
        "b.txt",
        "https://example.org/",
    ]


def test_ingest_json(opea, running):
    Path("a.md").write_text("text")
    assert opea("ingest", "a.md", "--json").json == {"ingested": ["a.md"], "failed": []}


def test_ingest_goes_on_after_a_document_that_fails(opea, running):
    def refuse_pdf(request):
        if "broken.pdf" in str(request.form()):
            return reply({"detail": "broken.pdf is no PDF"}, 400)
        return running.on_ingest(request)

    running.replies["/v1/dataprep/ingest"] = refuse_pdf
    for name in ("a.md", "broken.pdf", "c.md"):
        Path(name).write_text("text")
    shown = opea("ingest", "a.md", "broken.pdf", "c.md", "--json")
    assert shown.code == 1
    assert shown.json["ingested"] == ["a.md", "c.md"]
    assert [row["message"] for row in shown.json["failed"]] == [
        "ingest of broken.pdf: 400: broken.pdf is no PDF"
    ]
    assert "error: ingest of broken.pdf: 400" in shown.err
    assert set(running.documents) == {"a.md", "c.md"}


def test_ingest_of_what_is_missing_sends_nothing(opea, running):
    Path("a.md").write_text("text")
    said = opea("ingest", "a.md", "missing.md").refused("no-document")
    assert "missing.md: no such document" in said
    assert running.documents == {}


@pytest.mark.parametrize("words", [(), ("a.md", "--list"), ("--list", "--delete", "x"), ("--delete", "")])
def test_ingest_needs_one_thing_to_do(opea, running, words):
    opea("ingest", *words).refused("what-to-ingest", exit_code=2)


def test_ask_json(opea, running):
    running.documents["a.md"] = "27 days"
    assert opea("ask", "How many?", "-k", "3", "--json").json == {
        "question": "How many?",
        "answer": "An answer.",
        "sources": [{"source": "a.md", "text": "27 days"}],
        "url": f"{running.url}/v1/chatqna",
    }
    assert running.requests[-1].json["k"] == 3


def test_a_question_that_is_no_text(opea, running):
    assert opea("ask", "caf\udce9?").code == 0
    assert "caf" in running.requests[-1].json["messages"][0]["content"]


def test_ask_before_anything_is_ingested(opea, running):
    shown = opea("ask", "How many?")
    assert shown.out == "An answer.\n"
    assert "opea-pulumi ingest FILE" in shown.err


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_an_answer_that_breaks_off(opea, running, json_flag):
    failure = {"error": {"code": "timeout", "step": "llm", "message": "silent"}}
    running.replies[_CHAT] = events(delta("Half"), ("error", failure), done=False)
    shown = opea("ask", "q", *json_flag)
    assert "the answer broke off: silent (step llm)" in shown.refused("timeout")
    if json_flag:
        assert shown.json["error"]["code"] == "timeout"
    else:
        assert shown.out == "Half\n", "the error begins a line of its own"


def test_the_application_does_not_answer(opea, world):
    world.deploy("a")
    for words in (("ask", "q"), ("ingest", "--list"), ("test",)):
        shown = opea(*words, "--json")
        assert "opea-pulumi status" in shown.refused("unreachable")
        assert shown.json["error"]["code"] == "unreachable"


def test_the_smoke_test_names_every_hop(opea, running):
    shown = opea("test")
    assert shown.code == 0
    assert [line.split()[:2] for line in shown.out.splitlines()] == [
        ["ok", hop] for hop in ("dataprep", "embedding", "retrieval", "reranking", "llm", "router")
    ]


@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_the_smoke_test_names_the_hop_that_fails(opea, running, json_flag):
    running.replies["/retrieval/v1/retrieval"] = reply({"retrieved_docs": []})
    shown = opea("test", *json_flag)
    assert shown.code == 1
    if json_flag:
        assert [row["hop"] for row in shown.json if row["error"]] == ["retrieval"]
    else:
        assert shown.out.splitlines()[-1].startswith("FAIL retrieval ")
        assert "index name" in shown.out
    assert running.documents == {}
