"""The supervisor's log, and what it owes to its child."""

import os
import resource
import signal
import subprocess
import sys

import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opea_pulumi.provider._groups import is_alive
from opea_pulumi.provider._supervisor import Log, boot_id, start_token


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chunks=st.lists(st.binary(max_size=120), max_size=30), size=st.integers(8, 60), backups=st.integers(0, 4)
)
def test_rotation_keeps_the_end_in_order_and_the_size(tmp_path, chunks, size, backups):
    path = tmp_path / "output.log"
    for old in tmp_path.iterdir():
        old.unlink()
    log = Log(str(path), size, backups)
    for chunk in chunks:
        log.write(chunk)
    names = [path, *(tmp_path / f"output.log.{number}" for number in range(1, backups + 1))]
    parts = [name.read_bytes() for name in names if name.exists()]
    assert len(list(tmp_path.iterdir())) == len(parts)
    assert all(len(part) <= size for part in parts)
    written = b"".join(chunks)
    assert written.endswith(b"".join(reversed(parts)))
    if len(written) <= size:
        assert parts == [written]


def test_rotation_breaks_at_line_ends(tmp_path):
    log = Log(str(tmp_path / "output.log"), 1024, 9)
    for number in range(300):
        log.write(f"this is line {number}\n".encode())
    assert all(part.read_bytes().endswith(b"\n") for part in tmp_path.iterdir())


def test_a_log_whose_folder_is_gone_loses_output_but_does_not_fail(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    log = Log(str(folder / "output.log"), 1024, 2)
    for path in (folder / "output.log", folder):
        path.unlink() if path.is_file() else path.rmdir()
    for number in range(500):
        log.write(f"line {number}\n".encode())
    assert not folder.exists()


def test_a_full_disk_loses_output_but_does_not_fail(tmp_path):
    log = Log(str(tmp_path / "output.log"), 1024, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        log.write(b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.write(b"and on it goes\n")
    assert (tmp_path / "output.log").read_bytes().endswith(b"and on it goes\n")


def test_start_tokens_tell_processes_apart():
    with subprocess.Popen(["sleep", "60"]) as other:
        token = start_token(other.pid)
        assert token
        assert token == start_token(other.pid)
        assert token != start_token(1)
        other.kill()
    assert start_token(other.pid) is None


def test_a_zombie_is_gone(tools):
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert start_token(child.pid) is None
    child.wait()


def test_the_boot_is_known():
    assert boot_id() == boot_id()
    assert bool(boot_id()) is sys.platform.startswith("linux")


async def test_the_child_dies_with_its_supervisor(drive, tools):
    worker = drive("worker")
    state = await worker.create(command=["sleep", "600"], preferredPort=None, healthPath=None)
    os.kill(worker.record.supervisor.pid, signal.SIGKILL)
    if not sys.platform.startswith("linux"):
        await worker.read()  # there a refresh ends it, if its broken pipe did not
    await tools.until(lambda: start_token(state["pid"]) is None)


async def test_ctrl_c_of_a_terminal_does_not_reach_it(drive, tools):
    worker = drive("worker")
    await worker.create(command=["sleep", "600"], preferredPort=None, healthPath=None)
    record = worker.record
    os.kill(record.supervisor.pid, signal.SIGINT)
    assert psutil.Process(record.supervisor.pid).parent().pid != os.getpid()
    assert is_alive(record)
    assert os.getpgid(record.process.pid) == record.process.pid
    assert psutil.Process(record.process.pid).terminal() is None
    # and the child may handle SIGINT itself: it is not ignored there
    os.kill(record.process.pid, signal.SIGINT)
    await tools.until(lambda: not is_alive(record))
