"""Real processes, without the engine: start, health, restart, stop, and what is left behind (nothing)."""

import asyncio
import json
import os
import signal
import socket
import urllib.request
from pathlib import Path

import psutil
import pytest
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.errors import OperationError
from opea_pulumi.provider._groups import MARKER, members
from opea_pulumi.provider._health import check_listeners, wait_healthy
from opea_pulumi.provider._ports import is_free
from opea_pulumi.provider._process import RestartError
from opea_pulumi.provider._process_inputs import ProcessInputs
from opea_pulumi.provider._values import is_unknown, lift, plain, plain_map


def get(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def mode(path):
    return Path(path).stat().st_mode & 0o777


async def test_create_serves_and_delete_leaves_nothing(drive):
    web = drive()
    state = await web.create(environment={"ANSWER": "hello"})
    assert get(state["url"]) == "hello"
    assert state["url"] == f"http://127.0.0.1:{state['port']}"
    assert mode(state["logFile"]) == mode(web.directory / "process.json") == 0o600
    assert mode(web.directory) == 0o700
    record = web.record
    assert psutil.pid_exists(state["pid"])
    assert os.getsid(state["pid"]) == record.supervisor.pid != os.getsid(0)
    await web.delete()
    assert not members(record)
    assert is_free(state["port"])
    assert not web.directory.exists()
    await web.delete()  # nothing there any more: no error


async def test_environment_is_the_allowed_one(drive, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-children")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    web = drive()
    state = await web.create(environment={"ONE": "1"})
    environment = psutil.Process(state["pid"]).environ()
    assert environment["ONE"] == "1"
    assert environment["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert environment[MARKER] == web.record.marker


async def test_secret_environment_stays_secret(drive):
    web = drive()
    canary = "canary-5f1c"
    state = await web.create(environment=lift({"TOKEN": canary, "ANSWER": "x"}, secret=True))
    assert web.state["environment"].is_secret
    assert plain(web.state["environment"])["TOKEN"] == canary
    files = [path.read_text() for path in web.directory.iterdir()]
    arguments = [psutil.Process(pid).cmdline() for pid in members(web.record)]
    assert len(arguments) == 2
    assert canary not in "".join(files) + str(arguments)
    assert psutil.Process(state["pid"]).environ()["TOKEN"] == canary


async def test_a_process_that_dies_at_start_shows_its_log(drive):
    web = drive()
    secret = lift("hunter2-of-the-user", secret=True)
    with pytest.raises(OperationError) as caught:
        await web.create(environment=_map(DIE=secret, LINES=lift("40")))
    message = str(caught.value)
    assert caught.value.code == "process-exited"
    assert "line 39" in message
    assert "line 20" not in message
    assert "about to die: [secret]" in message
    assert "exited with code 3" in message
    assert web.record is None
    assert "line 0" in web.log


def _map(**values):
    from pulumi.provider.experimental.property_value import PropertyValue

    return PropertyValue(values)


async def test_unhealthy_times_out_and_leaves_nothing(drive, tools):
    web = drive()
    with pytest.raises(OperationError, match="HTTP 503") as caught:
        await web.create(environment={"UNHEALTHY": "1"}, startTimeout=1)
    assert caught.value.code == "health-timeout"
    assert web.record is None
    assert tools.running(web.directory) == []


async def test_cancel_is_prompt_and_leaves_nothing(drive, cancelled, tools):
    web = drive()
    creation = asyncio.create_task(web.create(environment={"SILENT": "1", "STUBBORN": "1"}, startTimeout=600))
    await tools.until(lambda: web.record is not None)
    record = web.record
    started = asyncio.get_running_loop().time()
    cancelled.set()
    with pytest.raises(OperationError) as caught:
        await creation
    assert caught.value.code == "cancelled"
    assert asyncio.get_running_loop().time() - started < 5
    assert not members(record)
    assert web.record is None


async def test_a_dropped_request_leaves_nothing(drive, tools):
    web = drive()
    creation = asyncio.create_task(web.create(environment={"SILENT": "1"}, startTimeout=600))
    await tools.until(lambda: web.record is not None)
    record = web.record
    creation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await creation
    assert not members(record)
    assert web.record is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"command": ["/nowhere/program"]}, "/nowhere/program"),
        ({"workingDirectory": "/nowhere/folder"}, "/nowhere/folder"),
    ],
)
async def test_what_cannot_be_started_is_named(drive, changes, reason):
    web = drive()
    with pytest.raises(OperationError, match=reason) as caught:
        await web.create(**changes)
    assert caught.value.code == "not-started"
    assert "No such file" in caught.value.message
    assert web.record is None


async def test_a_directory_that_cannot_be_made_is_named(drive, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationError, match=r"file/web: Not a directory"):
        await drive(directory=tmp_path / "file" / "web").create()


async def test_without_health_path_the_port_must_connect(drive):
    web = drive()
    state = await web.create(healthPath=None)
    with socket.create_connection(("127.0.0.1", state["port"]), timeout=5):
        pass


async def test_without_port_it_only_runs(drive):
    worker = drive("worker")
    state = await worker.create(command=["sleep", "600"], preferredPort=None, healthPath=None)
    assert "port" not in state
    assert "url" not in state
    assert psutil.Process(state["pid"]).cmdline() == ["sleep", "600"]


async def test_stubborn_processes_and_escaped_helpers_end_too(drive):
    web = drive()
    state = await web.create(environment={"STUBBORN": "1", "HELPER": "1"}, stopTimeout=0.3)
    record = web.record
    helpers = [one for one in psutil.Process(state["pid"]).children() if os.getsid(one.pid) == one.pid]
    assert len(helpers) == 1
    assert helpers[0].pid in members(record)
    await web.delete()
    assert not members(record)
    assert not helpers[0].is_running() or helpers[0].status() == psutil.STATUS_ZOMBIE


async def test_a_listener_beyond_loopback_is_refused(drive, tools):
    web = drive()
    command = [*plain(web.given()["command"]), "0.0.0.0"]
    with pytest.raises(OperationError, match=r"0\.0\.0\.0") as caught:
        await web.create(command=command)
    assert caught.value.code == "exposed-port"
    assert tools.running(web.directory) == []


async def test_another_process_that_answers_on_the_port_is_not_mistaken(drive, tools):
    worker = drive("worker")
    await worker.create(command=["sleep", "600"], preferredPort=None, healthPath=None)
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        port = foreign.getsockname()[1]
        inputs = ProcessInputs.of(worker.inputs | {"port": lift(port)})
        await wait_healthy(worker.record, inputs, 5, asyncio.Event())
        with pytest.raises(OperationError, match=f"does not listen on its port {port}: .*pid {os.getpid()}"):
            check_listeners(worker.record, inputs)


async def test_update_restarts_on_the_same_port(drive):
    web = drive()
    before = await web.create(environment={"ANSWER": "one"})
    _, diff = web.diff(environment={"ANSWER": "two"})
    assert diff.changes
    assert diff.diffs == ["environment"]
    assert not diff.replaces
    after = await web.update(environment={"ANSWER": "two"})
    assert get(after["url"]) == "two"
    assert after["port"] == before["port"]
    assert after["pid"] != before["pid"]
    assert not psutil.pid_exists(before["pid"])


async def test_preview_of_an_update_knows_what_stays(drive):
    web = drive()
    before = await web.create()
    shown = await web.update(preview=True, triggers={"digest": "2"})
    assert is_unknown(shown["pid"])
    assert is_unknown(shown["startedAt"])
    assert plain(shown["url"]) == before["url"]
    assert plain(shown["logFile"]) == before["logFile"]
    settings = await web.update(preview=True, stopTimeout=3)
    assert plain(settings["pid"]) == before["pid"]


async def test_settings_change_without_a_restart(drive, tools):
    web = drive()
    before = await web.create(environment={"LINES": "400"}, logMaxBytes=1024, logBackups=3)
    assert sorted(path.name for path in web.directory.glob("output.log.*")) == [
        "output.log.1",
        "output.log.2",
        "output.log.3",
    ]
    after = await web.update(stopTimeout=4, logBackups=1)
    assert after["pid"] == before["pid"]
    assert after["startedAt"] == before["startedAt"]
    assert web.record.inputs["logBackups"] == 1
    await tools.until(lambda: [path.name for path in web.directory.glob("output.log.*")] == ["output.log.1"])


async def test_no_change_is_no_difference(drive):
    web = drive()
    await web.create(environment=lift({"A": "1"}, secret=True), triggers={})
    _, diff = web.diff()
    assert diff.changes is False
    assert diff.detailed_diff == {}


async def test_another_directory_replaces_the_old_one_first(drive, tmp_path):
    web = drive()
    await web.create()
    _, diff = web.diff(directory=str(tmp_path / "elsewhere"), stopTimeout=3)
    assert diff.replaces == ["directory"]
    assert diff.delete_before_replace
    assert diff.detailed_diff["directory"].kind is rpc.PropertyDiffKind.UPDATE_REPLACE
    assert diff.detailed_diff["stopTimeout"].kind is rpc.PropertyDiffKind.UPDATE


async def test_a_failed_restart_keeps_the_new_inputs(drive):
    web = drive()
    await web.create()
    with pytest.raises(RestartError) as caught:
        await web.update(environment={"DIE": "now"})
    assert caught.value.code == "process-exited"
    assert plain_map(caught.value.state)["pid"] == 0
    assert plain(caught.value.inputs["environment"]) == {"DIE": "now"}
    assert web.record is None


async def test_read_finds_what_runs(drive):
    web = drive()
    await web.create()
    answer = await web.read()
    assert answer.resource_id == str(web.directory)
    assert plain_map(answer.properties) == plain_map(web.state)
    assert answer.inputs == web.inputs


@pytest.mark.parametrize("victim", ["process", "supervisor"])
async def test_read_drops_what_was_killed_and_the_next_create_keeps_its_port(drive, tools, victim):
    web = drive()
    before = await web.create(environment={"HELPER": "1"})
    record = web.record
    os.kill(getattr(record, victim).pid, signal.SIGKILL)
    await tools.until(lambda: not psutil.pid_exists(before["pid"]) or _zombie(before["pid"]))
    assert (await web.read()).resource_id == ""
    assert not members(record)  # what it left has been ended as well
    web.inputs, web.state = {}, {}
    after = await web.create(preferredPort=before["port"])
    assert after["port"] == before["port"]
    assert get(after["url"]) == "ok"


def _zombie(pid):
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_the_log_tells_how_it_ended(drive, tools):
    web = drive()
    state = await web.create()
    os.kill(state["pid"], signal.SIGKILL)
    await tools.until(lambda: "was ended by signal 9" in web.log)


async def test_after_a_reboot_nothing_is_found_and_no_foreign_process_is_touched(drive):
    """The record of another boot may name pids that now belong to anyone."""
    web = drive()
    await web.create()
    path = web.directory / "process.json"
    true = path.read_text()
    path.write_text(json.dumps(json.loads(true) | {"boot": "another-boot"}))
    assert (await web.read()).resource_id == ""
    await web.delete()
    foreign = json.loads(true)["process"]["pid"]
    assert psutil.Process(foreign).status() != psutil.STATUS_ZOMBIE
    web.directory.mkdir(exist_ok=True)
    path.write_text(true)  # for the clean-up


async def test_a_reused_pid_is_not_mistaken(drive):
    web = drive()
    await web.create()
    path = web.directory / "process.json"
    true = json.loads(path.read_text())
    other = {"pid": os.getpid(), "start": "1"}
    path.write_text(json.dumps(true | {"supervisor": other, "process": other, "marker": "none:none"}))
    assert (await web.read()).resource_id == ""
    path.write_text(json.dumps(true))


async def test_a_create_after_a_killed_update_adopts(drive):
    web = drive()
    first = await web.create(environment={"A": "1"})
    preferred = first["port"]
    web.inputs, web.state = {}, {}  # the engine never heard of it
    second = await web.create(environment={"A": "1"}, preferredPort=preferred)
    assert second["pid"] == first["pid"]
    assert second["port"] == first["port"]


async def test_a_create_with_other_inputs_ends_what_a_killed_update_left(drive):
    web = drive()
    first = await web.create(environment={"A": "1"})
    old, preferred = web.record, first["port"]
    web.inputs, web.state = {}, {}
    second = await web.create(environment={"A": "2"}, preferredPort=preferred)
    assert second["pid"] != first["pid"]
    assert second["port"] == first["port"]
    assert not members(old)


async def test_a_directory_in_use_is_refused(drive):
    web = drive()
    await web.create()
    other = drive("other", web.directory)
    with pytest.raises(OperationError, match=r"is in use by .*::web") as caught:
        await other.create()
    assert caught.value.code == "directory-in-use"


async def test_import_by_directory_reads_the_inputs_back(drive):
    web = drive()
    await web.create(environment={"A": "1"})
    known, web.inputs, web.state = (web.inputs, web.state), {}, {}
    answer = await web.read()
    assert plain_map(answer.inputs) == plain_map(known[0])
    assert answer.inputs["environment"].is_secret
    web.inputs, web.state = known


async def test_refresh_sees_the_drift_of_an_update_that_was_killed(drive):
    web = drive()
    await web.create(environment={"ANSWER": "one"})
    recorded = web.inputs, web.state
    await web.update(environment={"ANSWER": "two"})
    web.inputs, web.state = recorded  # killed before the engine wrote its state
    answer = await web.read()
    assert plain(answer.inputs["environment"]) == {"ANSWER": "two"}
    web.inputs, web.state = answer.inputs, answer.properties
    _, diff = web.diff(environment={"ANSWER": "one"})
    assert diff.diffs == ["environment"]


async def test_delete_can_be_cancelled_and_goes_on_later(drive, cancelled):
    web = drive()
    await web.create(environment={"STUBBORN": "1"}, stopTimeout=600)
    record = web.record
    cancelled.set()
    with pytest.raises(OperationError) as caught:
        await web.delete()
    assert caught.value.code == "cancelled"
    assert members(record)
    cancelled.clear()
    web.state = web.state | {"stopTimeout": lift(0.1)}
    await web.delete()
    assert not members(record)
