"""What dies comes back, with its documents; what is killed half-way is put right by the next up."""

import os
import signal
import socket
import subprocess
import sys

import httpx
import psutil
import pytest
from opea_command import destroy_all, until, write_app

QUESTION = "How many vacation days do employees get?"
WORKLOADS = ("embedding", "retrieval", "reranking", "llm", "dataprep", "router")


def pid_of(command, workload):
    rows = {row["name"]: row for row in command.told("status")["workloads"]}
    return int(rows[workload]["detail"].removeprefix("pid "))


@pytest.fixture(scope="module")
def app(make_command):
    command = make_command("recovery")
    folder = write_app(command.cwd)
    command("up", str(folder))
    command("ingest", str(folder / "handbook.md"))
    yield command
    destroy_all(command)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_kill_nine_of_one_process_then_refresh_and_up(app, workload):
    pid = pid_of(app, workload)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    states = {row["name"]: row["state"] for row in app.told("status")["workloads"]}
    assert states[workload] == "stopped"
    app("refresh")
    app("up", "handbook")
    assert pid_of(app, workload) != pid
    assert "27 days" in app("ask", QUESTION)


def test_up_alone_restarts_what_was_killed(app):
    os.kill(pid_of(app, "llm"), signal.SIGKILL)
    app("up", "handbook")
    assert "27 days" in app("ask", QUESTION)


def test_a_killed_up_is_put_right_by_the_next(command):
    write_app(command.cwd)
    process = command.start("up", "handbook", start_new_session=True)
    # the embedding is being started: some processes exist, the state does not know all of them
    until(
        lambda: any(
            "opea_pulumi.embedded.embedding" in part for p in command.processes() for part in words(p)
        )
    )
    group = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    for pid in group:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()
    command("up", "handbook")
    assert {row["state"] for row in command.json("status")["workloads"]} == {"running"}
    services = [p for p in command.processes() if any("opea_pulumi.embedded" in part for part in words(p))]
    ports = [connection.laddr.port for p in services for connection in listening(p)]
    assert len(ports) == 5, "a process of the killed up was left beside its successor"


def words(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def listening(process):
    return [c for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]


def test_ctrl_c_cancels_cleanly_and_says_how_to_go_on(command):
    write_app(command.cwd)
    process = command.start("up", "handbook", start_new_session=True)
    until(lambda: any("opea_pulumi.embedded" in part for p in command.processes() for part in words(p)))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "opea-pulumi up" in err
    assert "Traceback" not in err
    command("up", "handbook")
    assert {row["state"] for row in command.json("status")["workloads"]} == {"running"}


def test_destroy_leaves_no_process_no_port_and_no_data(command):
    write_app(command.cwd)
    command("up", "handbook")
    command("ingest", "handbook/handbook.md")
    ports = [int(url.rpartition(":")[2]) for url in command.json("outputs")["endpoints"].values()]
    command("destroy", "--yes")
    assert command.processes() == []
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not list((command.home / "local").rglob("*.db*"))
    assert command.fails("status", code="no-stack", exit_code=2)


def test_keep_data_keeps_the_documents_for_the_next_up(command):
    write_app(command.cwd)
    command("up", "handbook")
    command("ingest", "handbook/handbook.md")
    command("destroy", "--yes", "--keep-data")
    assert command.processes() == []
    command("up", "handbook")
    assert "27 days" in command("ask", QUESTION)


def test_destroy_asks_and_nothing_is_lost_without_an_answer(command):
    write_app(command.cwd)
    command("up", "handbook")
    shown = command.run("destroy", exit_code=2)
    assert "--yes" in shown.stderr
    assert {row["state"] for row in command.json("status")["workloads"]} == {"running"}


def test_the_terminal_s_end_does_not_end_the_services(command):
    """The services are in sessions of their own: a hang-up of the command's group does not reach them."""
    write_app(command.cwd)
    script = "import sys; from opea_pulumi.cli import main; main(['up', 'handbook'])"
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=command.cwd, env=command.env, start_new_session=True
    )
    assert process.wait(timeout=300) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, signal.SIGHUP)
    url = command.json("outputs")["endpoints"]["router"]
    assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
