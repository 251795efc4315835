from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from processes import gone

from opea_pulumi.engine import Stacks
from opea_pulumi.engine._recover import locks, unlock, without_pending
from opea_pulumi.errors import EngineError

COMMAND = [sys.executable, str(Path(__file__).with_name("gate_command.py"))]


def write_lock(state, stack, **parts):
    folder = state / ".pulumi" / "locks" / "organization" / "opea" / stack
    folder.mkdir(parents=True, exist_ok=True)
    lock = {
        "pid": os.getpid(),
        "username": "someone",
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
        **parts,
    }
    path = folder / f"{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(lock))
    return path


@pytest.fixture
def dead():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_process_is_removed_and_said(tmp_path, dead, told):
    path = write_lock(tmp_path, "s", pid=dead)
    unlock(f"file://{tmp_path}", "opea", "s", told.append, 20.0)
    assert not path.exists()
    assert len(told) == 1
    assert f"process {dead}" in told[0]


def test_a_number_that_is_used_again_does_not_hold_a_lock(tmp_path, told):
    old = datetime.now(UTC) - timedelta(days=400)
    path = write_lock(tmp_path, "s", timestamp=old.isoformat())
    unlock(f"file://{tmp_path}", "opea", "s", told.append, 20.0)
    assert not path.exists()


@pytest.mark.parametrize("host", [None, "another-machine"])
def test_a_living_or_distant_holder_is_named(host, tmp_path, dead, told):
    parts = {"hostname": host, "pid": dead} if host else {}
    path = write_lock(tmp_path, "s", **parts)
    with pytest.raises(EngineError) as caught:
        unlock(f"file://{tmp_path}", "opea", "s", told.append, 0.2)
    error = caught.value
    assert error.code == "stack-locked"
    assert (
        f"process {dead if host else os.getpid()} of someone on {host or socket.gethostname()}"
        in error.message
    )
    assert f"since {datetime.now():%Y-%m-%d}" in error.message  # noqa: DTZ005  the user's own time
    assert path.exists()


def test_locks_of_other_stacks_and_other_backends_are_left(tmp_path, dead, told):
    path = write_lock(tmp_path, "other", pid=dead)
    unlock(f"file://{tmp_path}", "opea", "s", told.append, 20.0)
    unlock("s3://bucket", "opea", "other", told.append, 20.0)
    assert path.exists()
    assert told == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x"}'])
def test_what_is_no_lock_is_passed_over(text, tmp_path):
    write_lock(tmp_path, "s").write_text(text)
    assert list(locks(f"file://{tmp_path}", "opea", "s")) == []


def test_a_path_with_spaces_and_percent_is_found(tmp_path, dead):
    state = tmp_path / "a b%41"
    write_lock(state, "s", pid=dead)
    url = f"file://{str(state).replace('%', '%25').replace(' ', '%20')}?no_tmp_dir=true"
    assert [lock.pid for lock in locks(url, "opea", "s")] == [dead]


def test_pending_operations_are_taken_out_of_a_state():
    state = {
        "version": 3,
        "deployment": {
            "resources": [1],
            "pending_operations": [{"resource": {"urn": "u::x"}, "type": "creating"}],
        },
    }
    text, urns = without_pending(json.dumps(state))
    assert json.loads(text) == {"version": 3, "deployment": {"resources": [1]}}
    assert urns == ["u::x"]
    assert without_pending('{"version": 3}') == ('{"version": 3}', [])


def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def start(gate):
    """The command, in a create that waits for the gate, and its engine's process."""
    child = subprocess.Popen([*COMMAND, str(gate)], stdout=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: (gate / "started").exists() or child.poll() is not None)
    assert child.poll() is None, child.communicate()[0]
    engines = [each for each in psutil.Process(child.pid).children() if each.name() == "pulumi"]
    assert len(engines) == 1
    return child, engines[0]


def finish(gate):
    """Run the command again with the gate open; returns what it printed."""
    (gate / "open").touch()
    done = subprocess.run([*COMMAND, str(gate)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.engine
def test_ctrl_c_ends_the_engine_cleanly_and_says_how_to_go_on(engine, gate, home):
    child, pulumi = start(gate)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: to the whole group
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 130, output
    assert "go on with: opea-pulumi up" in output
    assert gone(pulumi.pid)
    assert gone(int((gate / "started").read_text()))
    assert list(locks(f"file://{home.state}", "opea", "gated")) == []
    assert "told: removed" not in finish(gate)


@pytest.mark.engine
def test_ctrl_c_again_and_again_ends_it_at_once(engine, gate, home):
    child, pulumi = start(gate)
    for _ in range(3):
        os.killpg(child.pid, signal.SIGINT)
        time.sleep(0.2)  # two signals at once are one signal
    output, _ = child.communicate(timeout=30)
    # one that arrives while Python itself ends, ends it by the signal: to a shell that is 130, too
    assert child.returncode in (130, -signal.SIGINT), output
    assert gone(pulumi.pid)
    assert "changes: " in finish(gate)


@pytest.mark.engine
def test_after_a_kill_of_command_and_engine_the_next_up_recovers(engine, gate, home):
    child, pulumi = start(gate)
    pulumi.kill()
    child.kill()
    child.communicate(timeout=30)
    until(lambda: gone(pulumi.pid))
    assert len(list(locks(f"file://{home.state}", "opea", "gated"))) == 1
    output = finish(gate)
    assert f"told: removed the lock of process {pulumi.pid}" in output
    assert "told: an earlier update was killed while it worked on: gate" in output
    assert "changes: {'create': 1, 'same': 1}" in output
    stack = Stacks(engine, home).open("gated")
    assert [each.name for each in stack.resources() if each.type == "gate:index:Gate"] == ["gate"]


@pytest.mark.engine
def test_after_a_kill_of_the_engine_the_command_says_so_and_the_next_up_recovers(engine, gate, home):
    child, pulumi = start(gate)
    pulumi.kill()
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "[engine-killed]" in output
    assert "told: removed the lock" in finish(gate)


@pytest.mark.engine
def test_after_a_kill_of_the_command_the_next_up_ends_its_engine(engine, gate, home):
    child, pulumi = start(gate)
    child.kill()
    child.communicate(timeout=30)
    (gate / "started").unlink()
    second = subprocess.Popen([*COMMAND, str(gate)], stdout=subprocess.PIPE, text=True)
    until(lambda: (gate / "started").exists() or second.poll() is not None)
    assert gone(pulumi.pid)
    (gate / "open").touch()
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output
    assert "changes: {'create': 1, 'same': 1}" in output


@pytest.mark.engine
def test_a_second_up_meanwhile_is_refused_and_names_the_first(engine, gate, home):
    child, pulumi = start(gate)
    with pytest.raises(EngineError, match=f"process {pulumi.pid} ") as caught:
        Stacks(engine, home, patience=0.3).open("gated", lambda: None).up()
    assert caught.value.code == "stack-locked"
    (gate / "open").touch()
    output, _ = child.communicate(timeout=60)
    assert child.returncode == 0, output
