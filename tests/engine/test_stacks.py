from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from opea_pulumi.engine import Progress, Stacks
from opea_pulumi.errors import ApplicationError, EngineError

pytestmark = pytest.mark.engine


def program() -> None:
    import pulumi

    config = pulumi.Config("opea")
    pulumi.export("plain", config.get("plain"))
    pulumi.export("token", config.get_secret("token"))
    pulumi.export("nested", {"inner": [config.get_secret("token"), 1]})


def test_a_stack_from_its_making_to_its_end(any_engine, home, told):
    """On both supported versions: create, update, no change, outputs, destroy, remove."""
    stacks = Stacks(any_engine, home, report=told.append)
    assert stacks.list() == []
    stack = stacks.open("demo-local", program, create=True)
    stack.set_config("plain", "a 'b' $c\nd")
    stack.set_config("token", "hush-hush", secret=True)
    assert stack.config() == {"opea:plain": "a 'b' $c\nd", "opea:token": "[secret]"}

    progress = Progress()
    assert stack.preview(progress.feed).changes == {"create": 1}
    assert stack.up(progress.feed).changes == {"create": 1}
    assert [row.state for row in progress.rows.values()] == ["done"]
    assert stack.up(refresh=True).changed == 0
    assert stack.refresh().changed == 0

    nested = {"inner": ["[secret]", 1]}
    assert stack.outputs() == {"plain": "a 'b' $c\nd", "token": "[secret]", "nested": nested}
    assert stack.outputs(show_secrets=True)["nested"] == {"inner": ["hush-hush", 1]}
    assert [(each.type, each.name) for each in stack.resources()] == [
        ("pulumi:pulumi:Stack", "opea-demo-local")
    ]
    listed = stacks.list()
    assert [(info.name, info.resources, info.deployed) for info in listed] == [("demo-local", 1, True)]
    assert listed[0].last_update is not None

    assert stack.destroy().changes == {"delete": 1}
    assert [info.deployed for info in stacks.list()] == [False]
    stacks.remove("demo-local")
    assert stacks.list() == []
    assert not home.workspace("demo-local").exists()
    assert told == []


def test_no_secret_lies_in_the_home_in_plain_text(stacks, home):
    stack = stacks.open("s", program, create=True)
    stack.set_config("token", "hush-hush-secret", secret=True)
    stack.up()
    files = [path for path in home.data.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if b"hush-hush-secret" in path.read_bytes()] == []
    assert stat.S_IMODE(stack.log.stat().st_mode) == 0o600


def test_a_secret_is_never_an_argument(stacks, monkeypatch):
    import subprocess

    seen: list[list[str]] = []
    real = subprocess.Popen.__init__

    def spy(self, arguments, *rest, **more):
        seen.append(arguments)
        real(self, arguments, *rest, **more)

    stack = stacks.open("s", program, create=True)
    monkeypatch.setattr(subprocess.Popen, "__init__", spy)
    stack.set_config("token", "hush-hush-secret", secret=True)
    assert any("config" in arguments for arguments in seen)
    assert "hush-hush-secret" not in str(seen)


def test_an_unchanged_setting_starts_no_process(stacks, monkeypatch):
    stack = stacks.open("s", program, create=True)
    stack.set_config("plain", "x")
    monkeypatch.setattr(stack._command, "run", lambda *_args, **_more: pytest.fail("a process was started"))
    stack.set_config("plain", "x")


def test_a_setting_can_be_taken_out(stacks):
    stack = stacks.open("s", program, create=True)
    stack.set_config("plain", "x")
    stack.remove_config("plain")
    assert stack.config() == {}


def test_a_stack_that_is_not_there_is_one_clear_error(stacks):
    with pytest.raises(EngineError, match="no stack nothing-here") as caught:
        stacks.open("nothing-here", program)
    assert caught.value.code == "stack-not-found"
    assert not stacks.home.workspace("nothing-here").exists()


def test_a_project_error_of_the_program_comes_back_as_it_is(stacks):
    error = ApplicationError("the port is taken", code="port-taken", hint="choose another")

    def fails() -> None:
        raise error

    stack = stacks.open("s", fails, create=True)
    with pytest.raises(ApplicationError) as caught:
        stack.up()
    assert caught.value is error


def test_another_error_of_the_program_is_said_without_its_traceback(stacks):
    def fails() -> None:
        raise ValueError("the value is hush-hush-secret")

    stack = stacks.open("s", fails, create=True)
    stack.set_config("token", "hush-hush-secret", secret=True)
    with pytest.raises(EngineError) as caught:
        stack.up()
    assert caught.value.message == "up failed: the value is [secret]"
    assert caught.value.code == "up-failed"
    assert str(stack.log) in caught.value.hint
    log = stack.log.read_text()
    assert "Traceback" in log
    assert "hush-hush-secret" not in log


def test_a_stack_opened_without_a_program_says_so(stacks):
    with pytest.raises(EngineError, match="without a program"):
        stacks.open("s", create=True).up()


def test_another_passphrase_is_one_clear_error(stacks, home):
    stack = stacks.open("s", program, create=True)
    stack.set_config("token", "x", secret=True)
    stack.up()
    home.passphrase_file.write_text("another")
    with pytest.raises(EngineError, match="incorrect passphrase") as caught:
        stack.up()
    assert caught.value.code == "wrong-passphrase"


def test_a_failed_resource_is_named_and_nothing_is_left_running(any_engine, gate, home):
    def gated() -> None:
        import pulumi

        class Gate(pulumi.CustomResource):
            def __init__(self) -> None:
                super().__init__("gate:index:Gate", "gate", {"folder": str(gate)})

        pulumi.export("never", Gate().id)

    (gate / "fail").touch()
    before = {thread.name for thread in threading.enumerate()}
    stack = Stacks(any_engine, home).open("s", gated, create=True)
    progress = Progress()
    with pytest.raises(EngineError) as caught:
        stack.up(progress.feed)
    assert caught.value.message == "up failed: gate: the gate is rusty"
    assert [row.state for row in progress.rows.values() if row.name == "gate"] == ["failed"]
    assert stack._program._loop is not None
    assert stack._program._loop.is_closed()
    assert {thread.name for thread in threading.enumerate() if not thread.daemon} <= before
    (gate / "fail").unlink()
    (gate / "open").touch()
    assert stack.up().changes == {"create": 1, "same": 1}
    assert stack.destroy().changes == {"delete": 2}


def test_the_users_own_backend_is_used(engine, home, tmp_path, monkeypatch):
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{mine}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    stacks = Stacks(engine, home)
    stacks.open("s", program, create=True).up()
    assert list(mine.rglob("s.json"))
    assert not list(home.state.rglob("s.json"))
    assert [info.name for info in stacks.list()] == ["s"]


def test_the_provider_of_this_interpreter_is_named_without_a_warning(stacks):
    stack = stacks.open("s", program, create=True)
    text = (stack.folder / "Pulumi.yaml").read_text()
    assert "plugins:" in text
    provider = Path(text.partition("path: ")[2].strip().strip("'")) / "pulumi-resource-opea"
    assert "-m opea_pulumi.provider" in provider.read_text()


def test_a_home_that_takes_no_files_stops_before_anything_runs(engine, home, monkeypatch):
    home.make(home.data.parent)
    home.data.write_text("a file")
    with pytest.raises(EngineError) as caught:
        Stacks(engine, home)
    assert caught.value.code == "home-not-writable"
