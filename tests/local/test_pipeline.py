"""One YAML, one command, a pipeline that answers: what every user meets first."""

import json

import httpx
import openai
import psutil
import pytest

QUESTION = "How many vacation days do employees get?"


@pytest.fixture(scope="module")
def outputs(running):
    return running.json("outputs")


def test_outputs_are_the_same_names_on_every_target(outputs):
    from opea_pulumi.targets import OUTPUTS

    assert tuple(sorted(outputs)) == OUTPUTS
    assert outputs["url"] == outputs["endpoints"]["router"] + "/v1/chatqna"
    assert outputs["application"].endswith("handbook/opea.yaml")


def test_ask_quotes_the_document_and_names_it(running):
    answer = running.json("ask", QUESTION)
    assert "27 days" in answer["answer"]
    assert "handbook.md" in answer["answer"]
    assert [source["source"] for source in answer["sources"]] == ["handbook.md"]


def test_ask_prints_answer_sources_and_url(running, outputs):
    shown = running.run("ask", QUESTION)
    assert "27 days" in shown.stdout
    assert "sources: handbook.md" in shown.stdout
    assert outputs["url"] in shown.stderr


def test_unanswerable_question(running):
    assert "I don't know" in running("ask", "Who wrote the opera about the flying Dutchman?")


def test_any_text_file_is_answered_from(running, tmp_path):
    file = tmp_path / "kites of Nazaré.txt"
    file.write_text("The kite festival of Nazaré takes place on the second Sunday of September.\n")
    running("ingest", str(file))
    answer = running("ask", "When does the kite festival take place?")
    assert "second Sunday of September" in answer
    assert file.name in answer
    running("ingest", "--delete", file.name)
    assert file.name not in running("ask", "When does the kite festival take place?")


def test_an_updated_document_is_not_quoted_in_its_old_form(running, tmp_path):
    file = tmp_path / "canteen.txt"
    file.write_text("The canteen serves lunch from 11:15 to 13:45.\n")
    running("ingest", str(file))
    file.write_text("The canteen serves lunch from 12:10 to 14:40.\n")
    running("ingest", str(file))
    answer = running("ask", "When does the canteen serve lunch?")
    assert "12:10" in answer
    assert "11:15" not in answer
    running("ingest", "--delete", file.name)


def test_a_folder_with_kinds_of_files(running, tmp_path):
    (tmp_path / "a.html").write_text(
        "<html><body><p>The ferry to Berlengas leaves at 9:40.</p></body></html>"
    )
    (tmp_path / "b.md").write_text("# Lamps\n\nThe lamp of the lighthouse was lit in 1841.\n")
    running("ingest", str(tmp_path))
    assert "9:40" in running("ask", "When does the ferry to Berlengas leave?")
    names = {row["name"] for row in running.json("ingest", "--list")}
    assert {"a.html", "b.md", "handbook.md"} <= names
    for name in ("a.html", "b.md"):
        running("ingest", "--delete", name)


def test_missing_document(running):
    shown = running.fails("ingest", "no-such-file.txt", code="no-document")
    assert "no-such-file.txt" in shown


def test_streams_from_the_mega_endpoint_as_opea_does(outputs):
    with httpx.stream("POST", outputs["url"], json={"messages": QUESTION}, timeout=30) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in response.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert all(line.startswith("data: ") for line in lines)
    assert any("27" in line for line in lines)
    assert len(lines) > 3


@pytest.mark.parametrize("stream", [False, True])
def test_the_openai_client_works_unchanged(outputs, stream):
    client = openai.OpenAI(base_url=outputs["endpoints"]["router"] + "/v1", api_key="none")
    with client:
        model = client.models.list().data[0].id
        messages = [{"role": "user", "content": QUESTION}]
        answer = client.chat.completions.create(model=model, messages=messages, stream=stream)
        text = (
            "".join(chunk.choices[0].delta.content or "" for chunk in answer)
            if stream
            else answer.choices[0].message.content
        )
    assert "27 days" in text


def test_status_tells_every_workload(running):
    status = running.json("status")
    assert [row["state"] for row in status["workloads"]] == ["running"] * 6
    assert {row["name"] for row in status["workloads"]} == {
        "dataprep", "embedding", "llm", "reranking", "retrieval", "router",
    }  # fmt: skip


def test_every_port_is_bound_to_loopback(running):
    addresses = {
        connection.laddr.ip
        for process in running.processes()
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_logs_of_a_workload(running):
    assert running("logs", "router", "--tail", "5").strip()
    shown = running.fails("logs", "nobody", code="unknown-workload")
    assert "router" in shown


def test_logs_hold_neither_questions_nor_answers(running):
    running("ask", "What does the secret canary zx81 sing about?")
    assert "zx81" not in running("logs", "--tail", "1000")


def test_smoke_test_passes_every_hop(running):
    results = running.json("test")
    assert [row["hop"] for row in results] == [
        "dataprep", "embedding", "retrieval", "reranking", "llm", "router",
    ]  # fmt: skip
    assert not any(row["error"] for row in results)
    assert not any("smoke" in row["name"] for row in running.json("ingest", "--list"))


def test_second_up_changes_nothing(running):
    before = [(process.pid, process.create_time()) for process in running.processes()]
    changes = running.json("up", "handbook")["changes"]
    assert set(changes) == {"same"}
    assert [(process.pid, process.create_time()) for process in running.processes()] == before


def test_preview_changes_nothing_and_says_what_would(running, tmp_path):
    app = running.cwd / "handbook" / "opea.yaml"
    text = app.read_text()
    before = running.json("status")
    try:
        app.write_text(text + "opea_micro_services: {llm: {environment: {LOGFLAG: 'true'}}}\n")
        shown = running("preview", "handbook")
    finally:
        app.write_text(text)
    # the llm is restarted; the router keeps its graph, because the llm keeps its port
    assert "1 to update" in shown
    assert running.json("status") == before


def test_state_and_config_hold_the_application_but_no_passphrase(running):
    passphrase = (running.home / "passphrase").read_text().strip()
    assert (running.home / "passphrase").stat().st_mode & 0o777 == 0o600
    written = [path for path in running.home.rglob("*") if path.is_file() and path.name != "passphrase"]
    assert written
    assert not [path for path in written if passphrase.encode() in path.read_bytes()]


def test_json_everywhere(running):
    for arguments in (("outputs",), ("status",), ("ingest", "--list"), ("refresh",), ("engine", "info")):
        json.dumps(running.json(*arguments))
