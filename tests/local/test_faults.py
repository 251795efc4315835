"""Bad input and a hostile machine: one clear error, nothing left behind."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from opea_command import write_app

SERVER = """
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
time.sleep(600)
"""


EMBEDDED = "opea_deployment: {profile: embedded}\n"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("opea_micro_services: {llm: [\n", "bad-yaml", "opea.yaml:2:1"),
        (
            "opea_micro_services: {llm: {prot: 9000}}\n",
            "unknown-key",
            "opea.yaml:1:29 (opea_micro_services.llm.prot)",
        ),
        ("opea_micro_services: {frobnicator: }\n", "unknown-service", "opea.yaml:1:23"),
        (
            "opea_micro_services: {llm: , tts: }\nopea_mega_service:\n  mega_flow: [llm >> tts >> llm]\n",
            "cycle",
            "opea.yaml:3:14 (opea_mega_service.mega_flow)",
        ),
        (
            "opea_micro_services:\n  llm: {port: 9000}\nopea_mega_service: {port: 9000, mega_flow: [llm]}\n",
            "duplicate-port",
            "opea.yaml:2:15 (opea_micro_services.llm.port)",
        ),
        (
            "opea_micro_services: {asr: , llm: }\nopea_mega_service: {mega_flow: [asr >> llm]}\n" + EMBEDDED,
            "no-such-service",
            "opea.yaml:1:23 (opea_micro_services.asr)",
        ),
    ],
)
def test_bad_input_is_refused_before_anything_is_created(command, text, code, place):
    write_app(command.cwd, text)
    shown = command.fails("up", "handbook", code=code)
    assert place in shown
    assert len(shown.splitlines()) <= 6
    assert not (command.home / "local").exists()
    command.fails("validate", "handbook", code=code)


def test_unknown_application(command):
    shown = command.fails("up", "no-such-folder", code="no-application")
    assert "no-such-folder" in shown


def test_a_port_that_is_taken_names_its_holder(command):
    holder = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        port = int(holder.stdout.readline())
        write_app(command.cwd, f"opea_app: chatqna\nopea_mega_service: {{port: {port}}}\n")
        shown = command.fails("up", "handbook", code="port-taken")
        assert str(port) in shown
        assert f"pid {holder.pid}" in shown
        assert command.processes() == []
    finally:
        holder.kill()
        holder.communicate()


def test_a_service_that_dies_at_start_shows_its_last_lines(command):
    text = "opea_app: chatqna\nopea_micro_services: {embedding: {model: no-such-model}}\n"
    write_app(command.cwd, text)
    shown = command.fails("up", "handbook", code="up-failed")
    assert "no-such-model" in shown
    assert "embedding" in shown
    assert not [p for p in command.processes() if any("embedded.embedding" in word for word in p.cmdline())]
    write_app(command.cwd)
    command("up", "handbook")
    assert {row["state"] for row in command.json("status")["workloads"]} == {"running"}


def test_a_question_before_anything_is_ingested(command):
    write_app(command.cwd)
    command("up", "handbook")
    shown = command.run("ask", "How many vacation days do employees get?")
    assert "I don't know" in shown.stdout
    assert "opea-pulumi ingest" in shown.stderr


def test_two_applications_side_by_side(command):
    first = write_app(command.cwd)
    second = write_app(command.cwd, name="recipes")
    (second / "bread.txt").write_text("The rye bread rests for 14 hours before it is baked.\n")
    command("up", str(first), "--stack", "handbook-local")
    # both are the catalogue's chatqna: without a name of its own, the second would take the first one's stack
    command("up", str(second), "--stack", "recipes-local")
    shown = command.fails("up", str(second), "--stack", "handbook-local", code="stack-taken", exit_code=2)
    assert str(first) in shown
    shown = command.fails("outputs", "--stack", "nobody", code="stack-not-found")
    assert "nobody" in shown
    command("ingest", "--stack", "handbook-local", str(first / "handbook.md"))
    command("ingest", "--stack", "recipes-local", str(second / "bread.txt"))
    # the one last brought up from this directory is meant
    assert "14 hours" in command("ask", "How long does the rye bread rest?")
    assert "14 hours" not in command("ask", "--stack", "handbook-local", "How long does the rye bread rest?")
    assert "27 days" in command(
        "ask", "--stack", "handbook-local", "How many vacation days do employees get?"
    )
    one, two = (command.json("outputs", "--stack", f"{name}-local") for name in ("handbook", "recipes"))
    assert not set(one["endpoints"].values()) & set(two["endpoints"].values())
    # from elsewhere, two are deployed and none is meant
    elsewhere = type(command)(command.home, command.home)
    shown = elsewhere.fails("status", code="which-stack", exit_code=2)
    assert "handbook-local" in shown
    assert "recipes-local" in shown


def test_two_applications_brought_up_at_once(command):
    names = ("handbook", "recipes")
    apps = [write_app(command.cwd, name=name) for name in names]
    running = [
        command.start("up", str(app), "--stack", f"{name}-local")
        for app, name in zip(apps, names, strict=True)
    ]
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
    one, two = (command.json("outputs", "--stack", f"{name}-local")["endpoints"] for name in names)
    assert not set(one.values()) & set(two.values())


def test_a_requested_port_is_kept(command):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_app(command.cwd, f"opea_app: chatqna\nopea_mega_service: {{port: {port}}}\n")
    command("up", "handbook")
    assert command.json("outputs")["url"] == f"http://127.0.0.1:{port}/v1/chatqna"
    assert set(command.json("up", "handbook")["changes"]) == {"same"}


def test_a_home_that_cannot_be_written(command):
    write_app(command.cwd)
    broken = type(command)(Path("/dev/null/home"), command.cwd)
    shown = broken.fails("up", "handbook", code="home-not-writable")
    assert "/dev/null/home" in shown
    assert "OPEA_HOME" in shown


def test_without_reranking_and_a_custom_flow(command):
    text = """\
opea_micro_services: {embedding: , retriever: , llm: }
opea_mega_service:
  mega_flow: [embedding >> retriever >> llm]
"""
    folder = write_app(command.cwd, text)
    command("up", "handbook")
    command("ingest", str(folder / "handbook.md"))
    assert "27 days" in command("ask", "How many vacation days do employees get?")
    assert not any(row["error"] for row in command.json("test"))


def test_a_change_of_the_application_restarts_what_it_concerns(command):
    write_app(command.cwd)
    command("up", "handbook")
    write_app(
        command.cwd, "opea_app: chatqna\nopea_micro_services: {llm: {environment: {LOGFLAG: 'true'}}}\n"
    )
    before = {row["name"]: row["detail"] for row in command.json("status")["workloads"]}
    changes = command.json("up", "handbook")["changes"]
    assert changes["update"] == 1
    after = {row["name"]: row["detail"] for row in command.json("status")["workloads"]}
    assert {name for name in before if before[name] != after[name]} == {"llm"}
