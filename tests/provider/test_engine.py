"""The plugin under the real engine, with real processes."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import urllib.request
from pathlib import Path

import psutil
import pulumi
import pytest

from opea_pulumi.engine import Interrupted
from opea_pulumi.errors import EngineError
from opea_pulumi.provider._groups import is_alive, members
from opea_pulumi.provider._ports import is_free
from opea_pulumi.provider._supervisor import start_token

pytestmark = pytest.mark.engine


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def wait(condition, limit=20.0):
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.03)


def children(name):
    """Processes below this one whose command line has ``name``."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if name in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_from_up_to_destroy(engine):
    assert engine.up(environment={"ANSWER": "one"}) == {"create": 2}
    first = engine.outputs
    assert get(first["url"]) == "one"
    assert first["url"].endswith(f":{engine.args['preferred_port']}")
    assert first["log"] == str(engine.directory / "output.log")
    assert engine.up() == {"same": 2}
    assert engine.up(environment={"ANSWER": "two"}) == {"same": 1, "update": 1}
    second = engine.outputs
    assert get(second["url"]) == "two"
    assert second["url"] == first["url"]
    assert second["pid"] != first["pid"]
    assert engine.up(stop_timeout=5) == {"same": 1, "update": 1}
    assert engine.outputs["pid"] == second["pid"]
    record = engine.record
    engine.handle.destroy()
    assert not members(record)
    assert is_free(engine.args["preferred_port"])
    assert not engine.directory.exists()


def test_another_directory_replaces(engine, tmp_path):
    engine.up()
    before, old = engine.outputs, engine.record
    assert engine.up(directory=str(tmp_path / "moved")) == {"same": 1, "replace": 1}
    assert engine.outputs["url"] == before["url"]
    assert not members(old)
    assert not engine.directory.exists()


@pytest.mark.parametrize("victim", ["process", "supervisor"])
def test_kill_9_then_refresh_and_up_bring_it_back(engine, victim):
    engine.up()
    before, pid = engine.outputs, getattr(engine.record, victim).pid
    os.kill(pid, signal.SIGKILL)
    wait(lambda: not is_alive(engine.record))
    engine.handle.refresh()
    assert [resource.name for resource in engine.handle.resources() if resource.name == "web"] == []
    assert engine.up() == {"same": 1, "create": 1}
    assert engine.outputs["url"] == before["url"]
    assert get(before["url"]) == "ok"


def test_a_process_that_dies_at_start_is_one_clean_message(engine):
    with pytest.raises(EngineError) as caught:
        engine.up(environment={"DIE": "no model", "LINES": "30"})
    shown = str(caught.value) + engine.handle.log.read_text()
    assert "about to die: no model" in shown
    assert "line 29" in shown
    assert "exited with code 3" in shown
    assert "[process-exited]" in shown
    assert "Traceback" not in shown
    assert ".py" not in shown.replace(str(Path(__file__).parent), "")
    assert engine.record is None
    assert engine.up(environment={}) == {"same": 1, "create": 1}


def test_a_failed_restart_is_tried_again_without_a_change(engine, tmp_path):
    engine.up()
    switch = tmp_path / "gate"
    with pytest.raises(EngineError, match="health-timeout"):
        engine.up(environment={"GATE": str(switch)}, start_timeout=1)
    assert engine.record is None
    switch.touch()
    assert engine.up() == {"same": 1, "update": 1}
    assert get(engine.outputs["url"]) == "ok"


def test_wrong_inputs_are_named_before_anything_starts(engine):
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        port = foreign.getsockname()[1]
        with pytest.raises(EngineError) as caught:
            engine.up(port=port, health_path="health")
        shown = str(caught.value) + engine.handle.log.read_text()
        assert "must begin with /" in shown
        with pytest.raises(EngineError) as caught:
            engine.up(port=port, health_path="/")
        shown = str(caught.value) + engine.handle.log.read_text()
    assert f"port {port} is taken by {psutil.Process().name()} (pid {os.getpid()})" in shown
    assert not engine.directory.exists()


def test_two_processes_with_one_preferred_port(engine, tmp_path):
    def second(_process):
        from opea_pulumi.components.local.process import Process

        Process("two", engine_args | {"directory": str(tmp_path / "two")})

    engine_args = {
        "command": [sys.executable, str(Path(__file__).with_name("http_server.py")), "{port}"],
        "preferred_port": engine.args["preferred_port"],
        "health_path": "/",
    }
    engine.more = second
    assert engine.up() == {"create": 3}
    ports = {one.outputs["port"] for one in engine.handle.resources() if one.type == "opea:index:Process"}
    assert len(ports) == 2
    assert engine.args["preferred_port"] in ports
    assert engine.up() == {"same": 3}


def test_dependents_see_no_change_when_the_url_stays(engine):
    from opea_pulumi.components.local.process import Process

    def router(process):
        args = {"command": ["sleep", "600"], "directory": f"{engine.directory}-router"}
        Process("router", args | {"environment": {"UPSTREAM": process.url}})

    engine.more = router
    engine.up(environment={"ANSWER": "one"})
    engine.args["environment"] = {"ANSWER": "two"}
    assert dict(engine.handle.preview().changes) == {"same": 2, "update": 1}
    assert engine.up() == {"same": 2, "update": 1}


def test_secrets_are_nowhere_in_plain(engine, tmp_path):
    canary = "canary-93d0e1"
    engine.up(environment=lambda: {"API_TOKEN": pulumi.Output.secret(canary), "ANSWER": "x"})
    arguments = [psutil.Process(pid).cmdline() for pid in members(engine.record)]
    assert psutil.Process(engine.outputs["pid"]).environ()["API_TOKEN"] == canary
    engine.up(environment=lambda: {"API_TOKEN": pulumi.Output.secret(canary), "ANSWER": "y"})
    engine.handle.refresh()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("stacks/opea/dev.json" in str(path) for path in files)
    assert [path for path in files if canary.encode() in path.read_bytes()] == []
    assert canary not in str(arguments)


def in_thread(engine, outcome):
    def run():
        try:
            outcome.append(engine.up())
        except (EngineError, Interrupted) as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_cancel_ends_what_was_starting(engine):
    outcome = []
    engine.args["environment"] = {"SILENT": "1"}
    thread = in_thread(engine, outcome)
    wait(lambda: engine.record is not None)
    record, started = engine.record, time.monotonic()
    engine.handle.cancel()
    thread.join(30)
    assert time.monotonic() - started < 10
    assert isinstance(outcome[0], EngineError | Interrupted)
    assert not members(record)
    assert engine.record is None


def test_a_killed_up_is_adopted_by_the_next(engine, tmp_path):
    """Engine and plugin are killed in the health wait, so nobody can tidy up."""
    outcome, gate = [], tmp_path / "gate"
    engine.args |= {"environment": {"GATE": str(gate)}, "start_timeout": 600}
    thread = in_thread(engine, outcome)
    wait(lambda: engine.record is not None)
    record = engine.record
    for process in children("opea_pulumi.provider") + children("bin/pulumi"):
        process.kill()
    thread.join(30)
    assert isinstance(outcome[0], EngineError)
    assert is_alive(record)
    gate.touch()
    assert engine.up()["create"] == 1
    assert engine.outputs["pid"] == record.process.pid
    assert get(engine.outputs["url"]) == "ok"


def test_a_plugin_whose_engine_was_killed_tidies_up(engine):
    outcome = []
    engine.args |= {"environment": {"SILENT": "1"}, "start_timeout": 600}
    thread = in_thread(engine, outcome)
    wait(lambda: engine.record is not None)
    record, plugins = engine.record, children("opea_pulumi.provider")
    assert plugins
    for process in children("bin/pulumi"):
        process.kill()
    thread.join(30)
    wait(lambda: not members(record))
    wait(lambda: all(start_token(plugin.pid) is None for plugin in plugins))
    engine.args["environment"] = {}


def test_import_by_directory(engine):
    engine.up(environment={"ANSWER": "kept"})
    record = engine.record
    urn = next(one.urn for one in engine.handle.resources() if one.name == "web")
    engine.handle._run("state", "delete", urn, "--yes")
    engine.opts = pulumi.ResourceOptions(import_=str(engine.directory))
    assert engine.up() == {"same": 1, "import": 1}
    engine.opts = None
    assert engine.up() == {"same": 2}
    assert engine.record == record
