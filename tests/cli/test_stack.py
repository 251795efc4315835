"""Which stack and which application a command means."""

import json
from pathlib import Path

import pytest
import yaml

from opea_pulumi.cli._stack import choose_stack, forget, remember
from opea_pulumi.errors import EngineError, PreflightError, UsageError

_CASES = yaml.safe_load(Path(__file__).with_name("which_stack.yaml").read_text())


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["title"])
def test_which_stack(case, world, own_home):
    import opea_pulumi.engine

    for name in case.get("deployed", []):
        world.deploy(name)
    for name in case.get("empty", []):
        world.deploy(name, outputs={})
    last = {str(Path.cwd()): case.get("last"), "/elsewhere": case.get("last_elsewhere")}
    (own_home / "last.json").write_text(json.dumps({folder: name for folder, name in last.items() if name}))
    stacks = opea_pulumi.engine.Stacks(None, report=None)
    if "means" in case:
        assert choose_stack(stacks, case.get("given")) == case["means"]
        return
    with pytest.raises(UsageError) as caught:
        choose_stack(stacks, case.get("given"))
    assert (caught.value.code, caught.value.hint) == (case["error"], case["hint"])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["{not json", "[1]", '"x"'])
def test_a_damaged_record_is_none(world, own_home, opea, text):
    (own_home / "last.json").write_text(text)
    world.deploy("a")
    world.deploy("b")
    opea("status").refused("which-stack", exit_code=2)


def test_the_record_follows_up_and_destroy(opea, world, app, own_home):
    world.deploy("other-fake")
    assert opea("up", str(app)).code == 0
    assert json.loads((own_home / "last.json").read_text()) == {str(Path.cwd()): "handbook-fake"}
    world.stacks["handbook-fake"].outputs = {"url": "http://x"}
    assert opea("outputs").out == "url: http://x\n"
    assert opea("destroy", "--yes").code == 0
    assert json.loads((own_home / "last.json").read_text()) == {}
    assert set(world.stacks) == {"other-fake"}


def test_remember_and_forget_where_nothing_can_be_written(monkeypatch):
    monkeypatch.setenv("OPEA_HOME", "/dev/null/home")
    remember("a")
    forget("a")


def test_no_such_stack_lists_those_that_are_deployed(opea, world):
    world.deploy("a")
    world.deploy("b")
    shown = opea("status", "--stack", "c").refused("stack-not-found")
    assert "there is no stack c" in shown
    assert "deployed are: a, b" in shown


def test_a_stack_that_holds_nothing(opea, world):
    world.deploy("a", outputs={})
    for command in (("status",), ("ask", "q"), ("logs",), ("test",), ("ingest", "x")):
        said = opea(*command, "--stack", "a").refused("not-deployed", exit_code=2)
        assert "opea-pulumi up --stack a" in said


def test_missing_packages_are_named_with_what_installs_them(opea, app, monkeypatch):
    from importlib import util

    find_spec = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "pulumi" else find_spec(name))
    for words in (("up", str(app)), ("preview", str(app)), ("status",), ("destroy",), ("engine", "install")):
        said = opea(*words).refused("missing-extra", exit_code=2)
        assert "not installed: pulumi" in said
        assert "pip install 'opea-pulumi[local]'" in said


def test_the_stack_is_named_after_application_and_target(opea, world, app):
    assert opea("up", str(app)).code == 0
    stack = world.stacks["handbook-fake"]
    assert stack.config == {"opea:application": str(app / "opea.yaml"), "opea:target": "fake"}
    assert world.done == ["up refresh handbook-fake"]


def test_a_stack_of_another_name_and_a_profile(opea, world, app):
    assert opea("up", str(app), "--stack", "prod", "--profile", "embedded").code == 0
    assert world.stacks["prod"].config["opea:profile"] == "embedded"


def test_a_file_and_a_catalogue_name(opea, world, app, own_home):
    (app / "opea.yaml").rename(app / "wiki.yaml")
    assert opea("up", str(app / "wiki.yaml")).code == 0
    assert opea("up", "chatqna").code == 0
    assert set(world.stacks) == {"wiki-fake", "chatqna-fake"}
    copy = own_home / "applications/chatqna/opea.yaml"
    assert world.stacks["chatqna-fake"].config["opea:application"] == str(copy)


def test_a_folder_wins_over_the_catalogue(opea, world):
    Path("chatqna").mkdir()
    Path("chatqna/opea.yaml").write_text("opea_app: chatqna\n")
    assert opea("up", "chatqna").code == 0
    assert world.stacks["chatqna-fake"].config["opea:application"] == str(Path("chatqna/opea.yaml").resolve())


def test_a_home_that_cannot_be_written(opea, world, own_home):
    (own_home / "applications").write_text("a file where a folder belongs")
    said = opea("up", "chatqna").refused("home-not-writable")
    assert "export OPEA_HOME" in said


def test_up_without_app_takes_this_directory(opea, world, app, monkeypatch):
    monkeypatch.chdir(app)
    assert opea("up").code == 0
    assert set(world.stacks) == {"handbook-fake"}


def test_up_without_app_goes_on_with_what_was_brought_up_from_here(opea, world, app):
    assert opea("up", str(app), "--stack", "prod").code == 0
    world.stacks["prod"].outputs = {"url": "http://x"}
    assert opea("up").code == 0
    assert opea("up", "--stack", "prod").code == 0
    assert world.done == ["up refresh prod"] * 3
    assert set(world.stacks) == {"prod"}


def test_up_without_app_goes_on_after_a_first_up_that_failed(opea, world, app):
    """The stack holds nothing yet, and another one is the only one that is deployed."""
    world.deploy("other")
    world.created = {"error": EngineError("no", code="up-failed")}
    opea("up", str(app)).refused("up-failed")
    world.stacks["handbook-fake"].error = None
    assert opea("up").code == 0
    assert world.done == ["up refresh handbook-fake"] * 2


def test_up_without_app_where_nothing_was_brought_up(opea, world):
    world.deploy("other")
    said = opea("up").refused("no-application")
    assert "opea-pulumi init" in said


def test_up_of_a_stack_that_plain_pulumi_made(opea, world, app):
    world.deploy("local", outputs={"application": str(app / "opea.yaml"), "target": "fake", "endpoints": {}})
    assert opea("up", "--stack", "local").code == 0
    assert world.stacks["local"].config["opea:application"] == str(app / "opea.yaml")


def test_an_unknown_target_lists_those_that_are_installed(opea, world, app):
    said = opea("up", str(app), "--target", "moon").refused("unknown-target", exit_code=2)
    assert "one of fake" in said


def test_a_profile_that_the_target_cannot_deploy(opea, world, app):
    said = opea("validate", str(app), "--profile", "opea", "--target", "fake").refused(
        "profile-target", exit_code=2
    )
    assert "it deploys embedded" in said


def test_every_preflight_error_is_shown_and_nothing_is_made(opea, world, app):
    world.preflight = [PreflightError("one", code="port-taken"), PreflightError("two", code="no-room")]
    shown = opea("up", str(app), "--json")
    said = shown.refused("port-taken")
    assert "error: two [no-room]" in said
    assert shown.json["error"]["message"] == "one"
    assert world.stacks == {}


def test_a_stack_is_not_taken_over_by_another_application(opea, world, app, tmp_path):
    other = tmp_path / "other" / "handbook"
    other.mkdir(parents=True)
    (other / "opea.yaml").write_text((app / "opea.yaml").read_text())
    assert opea("up", str(app)).code == 0
    world.stacks["handbook-fake"].outputs = {"url": "http://x", "endpoints": {}}
    for command in ("up", "preview"):
        said = opea(command, str(other)).refused("stack-taken", exit_code=2)
        assert str(app / "opea.yaml") in said
        assert "--stack NAME" in said
    assert world.done == ["up refresh handbook-fake"]
    (app / "opea.yaml").unlink()
    assert opea("up", str(other)).code == 0, "one that was moved keeps its stack"
