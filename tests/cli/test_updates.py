"""up, preview, refresh and destroy: what runs, what is asked, what is shown and how they end."""

import json
import re

import pytest

from opea_pulumi.engine import Interrupted
from opea_pulumi.errors import EngineError

_ANSI = re.compile(r"\x1b")


def test_up_prints_the_url_alone_on_stdout(opea, world, app):
    world.created = {"outputs": {"url": "http://127.0.0.1:8888/v1/chatqna", "n": 1}, "changes": {"create": 7}}
    shown = opea("up", str(app), "--yes")
    assert (shown.code, shown.out) == (0, "http://127.0.0.1:8888/v1/chatqna\n")
    assert "engine: found" in shown.err
    assert shown.err.endswith("handbook-fake: 7 changed in 4 s\n")


def test_up_without_changes(opea, world, app):
    assert "handbook-fake: no changes in 4 s" in opea("up", str(app)).err


def test_up_json(opea, world, app):
    world.created = {"outputs": {"url": "http://x"}, "changes": {"create": 7, "same": 1}}
    shown = opea("up", str(app), "--json")
    assert shown.json == {
        "stack": "handbook-fake",
        "changes": {"create": 7, "same": 1},
        "outputs": {"url": "http://x"},
    }


@pytest.mark.parametrize("words", [("up",), ("preview",), ("refresh",), ("destroy", "--yes")])
@pytest.mark.parametrize("json_flag", [(), ("--json",)])
def test_ctrl_c_says_how_to_go_on(opea, world, app, words, json_flag):
    message = f"{words[0]} of handbook-fake was cancelled; go on with: opea-pulumi {words[0]}"
    world.deploy("handbook-fake", error=Interrupted(message))
    where = [str(app)] if words[0] in {"up", "preview"} else []
    shown = opea(*words, *where, *json_flag)
    assert shown.code == 130
    assert message in shown.err
    if json_flag:
        error = shown.json["error"]
        assert (error["code"], error["message"]) == ("cancelled", message)
    assert set(world.stacks) == {"handbook-fake"}, "nothing that could go on is removed"


def test_a_failed_up_is_one_clear_error(opea, world, app):
    error = EngineError(
        "up failed: llm: it ended with 3", code="up-failed", hint="the whole output is in x.log"
    )
    world.created = {"error": error}
    shown = opea("up", str(app), "--json")
    assert "the whole output is in x.log" in shown.refused("up-failed")
    assert shown.json["error"]["message"] == "up failed: llm: it ended with 3"
    assert opea("destroy", "--stack", "handbook-fake", "--yes").refused("up-failed")
    assert "handbook-fake" in world.stacks


def test_preview_leaves_no_stack_behind(opea, world, app):
    world.created = {"changes": {"create": 7, "same": 1}}
    shown = opea("preview", str(app))
    assert (shown.code, shown.out) == (0, "handbook-fake: 7 to create\n")
    assert world.done == ["preview handbook-fake", "remove handbook-fake"]
    assert world.stacks == {}


def test_a_failed_preview_leaves_no_stack_behind(opea, world, app):
    world.created = {"error": EngineError("no", code="preview-failed")}
    opea("preview", str(app)).refused("preview-failed")
    assert world.stacks == {}


def test_preview_of_a_stack_that_is_there(opea, world, app):
    world.deploy("handbook-fake")
    assert opea("preview", str(app)).out == "handbook-fake: no changes\n"
    assert opea("preview", str(app), "--json").json == {"stack": "handbook-fake", "changes": {"same": 3}}
    assert set(world.stacks) == {"handbook-fake"}


def test_refresh(opea, world):
    stack = world.deploy("a")
    assert opea("refresh").out == "a: all there\n"
    stack.changes = {"same": 3, "delete": 1}
    assert opea("refresh").out == "a: 1 no longer as recorded; opea-pulumi up puts it right\n"
    assert opea("refresh", "--json").json == {"stack": "a", "changes": {"same": 3, "delete": 1}}


def test_destroy_removes_the_stack(opea, world):
    world.deploy("a", changes={"delete": 9})
    shown = opea("destroy", "--yes", "--json")
    assert shown.json == {"stack": "a", "changes": {"delete": 9}}
    assert world.done == ["destroy a", "remove a"]
    assert world.env == {"FAKE_HOST": "far"}  # the targets' own


def test_destroy_of_a_stack_that_is_not_there_is_done(opea, world):
    shown = opea("destroy", "--yes", "--stack", "a")
    assert (shown.code, shown.out) == (0, "")
    assert "there is no stack a: nothing to do" in shown.err
    assert opea("destroy", "--yes", "--stack", "a", "--json").json == {"stack": "a", "changes": {}}


def test_keep_data_reaches_the_engine(opea, world):
    world.deploy("a")
    assert opea("destroy", "--yes", "--keep-data").code == 0
    assert world.env == {"FAKE_HOST": "far", "OPEA_KEEP_DATA": "1"}


@pytest.mark.parametrize(
    ("typed", "flags", "question"),
    [
        ("y\n", (), "what it runs and the documents ingested into it?"),
        ("yes\n", ("--keep-data",), "what it runs but not the documents ingested into it?"),
    ],
)
def test_destroy_asks(opea, world, monkeypatch, typed, flags, question):
    world.deploy("a")
    _type(monkeypatch, typed)
    shown = opea("destroy", *flags)
    assert (shown.code, shown.out) == (0, "")
    assert f"Delete stack a: {question}" in shown.err
    assert world.done == ["destroy a", "remove a"]


@pytest.mark.parametrize("typed", ["n\n", "\n", ""], ids=["no", "enter", "nobody there"])
def test_destroy_that_is_not_confirmed_deletes_nothing(opea, world, monkeypatch, typed):
    world.deploy("a")
    _type(monkeypatch, typed)
    shown = opea("destroy", "--json")
    assert "--yes" in shown.refused("not-confirmed", exit_code=2)
    assert shown.json["error"]["code"] == "not-confirmed"
    assert world.done == []
    assert set(world.stacks) == {"a"}


def test_ctrl_c_at_the_question(opea, world, monkeypatch):
    def interrupt(_prompt=""):
        raise KeyboardInterrupt

    world.deploy("a")
    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    shown = opea("destroy")
    assert shown.code == 130
    assert world.done == []


def _type(monkeypatch, text):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_json_of_an_error_stands_alone_on_stdout(opea, world):
    shown = opea("refresh", "--json")
    assert json.loads(shown.out)["error"]["code"] == "no-stack"
    assert not _ANSI.search(shown.out + shown.err)
