"""Status and logs of a local stack: real sockets, real files."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from application_server import Reply, serving
from opea_pulumi.stacks.local import TARGET

from opea_pulumi.errors import OperationError
from opea_pulumi.targets import WorkloadStatus

_BELOW = "opea:index:LocalApplication$opea:index:Process"


def process(folder: Path, name: str, url: str = "http://127.0.0.1:9", **outputs):
    (folder / name).mkdir(exist_ok=True)
    known = {
        "directory": str(folder / name),
        "healthPath": "/health",
        "logFile": str(folder / name / "output.log"),
        "pid": 4711.0,  # Pulumi's numbers are floats
        "startedAt": "2026-11-24T00:00:00Z",
        "url": url,
    }
    return {"type": "opea:index:Process", "urn": f"{_BELOW}::demo-{name}", "outputs": {**known, **outputs}}


def operations(folder: Path, *processes, **endpoints):
    application = {"type": "opea:index:LocalApplication", "outputs": {"directory": str(folder)}}
    volume = {"type": "opea:index:LocalVolume", "outputs": {"path": str(folder / "volumes/documents")}}
    known = {Path(row["outputs"]["directory"]).name: row["outputs"]["url"] for row in processes}
    return TARGET.operations({"endpoints": {**known, **endpoints}}, [application, volume, *processes])


@pytest.fixture
def refused() -> Iterator[str]:
    """A port where nothing listens, and that nobody else gets."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


def state(folder, url, **outputs):
    [status] = operations(folder, process(folder, "llm", url, **outputs)).status()
    return status.state


def test_running(tmp_path):
    with serving() as server:
        server.replies["/health"] = Reply(200, (b"ok",))
        [status] = operations(tmp_path, process(tmp_path, "llm", server.url)).status()
        assert server.paths() == ["/health"]
    assert status == WorkloadStatus("llm", "running", server.url, "2026-11-24T00:00:00Z", "pid 4711")


def test_unhealthy_when_the_health_endpoint_says_so(tmp_path):
    with serving() as server:
        server.replies["/health"] = Reply(503, (b"no",))
        assert state(tmp_path, server.url) == "unhealthy"


def test_unhealthy_when_something_else_talks_there(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def garbage() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"SSH-2.0-x\r\n")

        thread = threading.Thread(target=garbage)
        thread.start()
        assert state(tmp_path, f"http://127.0.0.1:{listening.getsockname()[1]}") == "unhealthy"
        thread.join()


def test_stopped(tmp_path, refused):
    assert state(tmp_path, refused) == "stopped"


def test_without_a_health_path_its_root_is_asked(tmp_path):
    with serving() as server:
        server.replies["/"] = Reply(204, ())
        assert state(tmp_path, server.url, healthPath=None) == "running"


def test_the_order_is_the_one_in_which_they_start(tmp_path, refused):
    names = ["llm", "embedding", "router"]
    found = operations(tmp_path, *(process(tmp_path, name, refused) for name in names)).status()
    assert [status.name for status in found] == names


def test_what_a_refresh_found_dead_is_stopped_and_its_log_is_shown(tmp_path, refused):
    """It is no resource any more, but the outputs name it."""
    write(tmp_path, "llm", "last words\n")
    stack = operations(tmp_path, process(tmp_path, "router", refused), llm="http://127.0.0.1:9000")
    assert stack.status()[1] == WorkloadStatus("llm", "stopped", "http://127.0.0.1:9000")
    assert list(stack.logs("llm", tail=10, follow=False)) == ["last words"]


def write(folder: Path, name: str, text: str, mode: str = "w") -> Path:
    path = folder / name / "output.log"
    path.parent.mkdir(exist_ok=True)
    with path.open(mode) as file:
        file.write(text)
    return path


@pytest.fixture
def one(tmp_path):
    return operations(tmp_path, process(tmp_path, "llm"))


@pytest.mark.parametrize(
    ("tail", "shown"),
    [(0, []), (1, ["three"]), (2, ["two", "three"]), (100, ["one", "two", "three"])],
)
def test_the_last_lines(tmp_path, one, tail, shown):
    write(tmp_path, "llm", "one\ntwo\r\nthree")
    assert list(one.logs("llm", tail=tail, follow=False)) == shown


def test_bytes_that_are_no_text(tmp_path, one):
    write(tmp_path, "llm", "").write_bytes(b"caf\xe9\n")
    assert list(one.logs("llm", tail=5, follow=False)) == ["caf\ufffd"]


def test_an_unknown_workload_lists_those_that_are_there(one):
    with pytest.raises(OperationError) as caught:
        one.logs("lmm", tail=5, follow=False)
    assert (caught.value.code, caught.value.hint) == ("unknown-workload", "one of llm")


def test_a_log_that_is_gone(one):
    with pytest.raises(OperationError) as caught:
        list(one.logs("llm", tail=5, follow=False))
    assert caught.value.code == "no-log"
    assert "output.log" in caught.value.message


class Following:
    """Reads a followed log line by line; what was written before is read first."""

    def __init__(self, operations):
        self._lines = operations.logs("llm", tail=10, follow=True)

    def __call__(self, count):
        return [next(self._lines) for _ in range(count)]

    def end(self):
        self._lines.close()


@pytest.fixture
def follow(tmp_path, one):
    write(tmp_path, "llm", "first\n")
    following = Following(one)
    assert following(1) == ["first"]
    yield following
    following.end()


def test_new_lines_come_when_they_are_whole(tmp_path, follow):
    write(tmp_path, "llm", "se", "a")
    timer = threading.Timer(0.3, write, (tmp_path, "llm", "cond\nthird\n", "a"))
    timer.start()
    assert follow(2) == ["second", "third"]
    timer.join()


def test_a_line_that_was_not_ended_when_reading_began(tmp_path, one):
    write(tmp_path, "llm", "one\ntw")
    following = Following(one)
    assert following(1) == ["one"]
    write(tmp_path, "llm", "o\n", "a")
    assert following(1) == ["two"]
    following.end()


def test_rotation_loses_nothing(tmp_path, follow):
    path = write(tmp_path, "llm", "before\nthe end", "a")
    path.rename(f"{path}.1")
    write(tmp_path, "llm", "after\n")
    assert follow(3) == ["before", "the end", "after"]
    write(tmp_path, "llm", "and on\n", "a")
    assert follow(1) == ["and on"]


def test_a_moment_without_the_file(tmp_path, follow):
    path = write(tmp_path, "llm", "", "a")
    path.unlink()
    timer = threading.Timer(0.3, write, (tmp_path, "llm", "new\n"))
    timer.start()
    assert follow(1) == ["new"]
    timer.join()


def test_a_log_that_was_emptied(tmp_path, follow):
    path = write(tmp_path, "llm", "", "a")
    os.truncate(path, 0)
    write(tmp_path, "llm", "new\n", "a")
    assert follow(1) == ["new"]
