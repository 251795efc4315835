"""validate and init, in this process: what they print, write and refuse."""

import os
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
_CASES = yaml.safe_load(Path(__file__).with_name("bad_input.yaml").read_text())


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["title"])
def test_bad_input(case, opea):
    Path("opea.yaml").write_text(case["text"])
    shown = opea("validate")
    assert shown.out == ""
    said = shown.refused(case["code"])
    assert said.startswith(f"error: {case['place']}: ")
    assert case["said"] in said
    assert "canary" not in said
    as_json = opea("validate", "--json")
    assert as_json.code == 1
    error = as_json.json["error"]
    assert error["code"] == case["code"]
    place = ":".join(str(part) for part in (error["file"], error["line"], error["column"]) if part)
    assert place == case["place"].partition(" ")[0]


@pytest.mark.parametrize("app", ["examples/chatqna", "examples/chatqna/opea.yaml", "examples/rfc", "chatqna"])
def test_what_is_valid_is_said_in_one_line(opea, app):
    where = app if app == "chatqna" else str(ROOT / app)
    shown = opea("validate", where)
    assert (shown.code, shown.err) == (0, "")
    assert len(shown.out.splitlines()) == 1
    assert ": valid: " in shown.out
    assert " on local: " in shown.out
    assert ">>" in shown.out


def test_json_is_the_whole_blueprint(opea):
    blueprint = opea("validate", str(ROOT / "examples/chatqna"), "--json").json
    names = ["embedding", "llm", "reranking", "retrieval", "dataprep", "router"]
    assert sorted(workload["name"] for workload in blueprint["workloads"]) == sorted(names)
    assert blueprint["route"] == {"workload": "router", "endpoint": "/v1/chatqna"}


def test_no_application_here(opea):
    said = opea("validate").refused("no-application")
    assert "opea-pulumi init" in said
    opea("validate", "nowhere").refused("no-application")


def test_an_unknown_target(opea):
    said = opea("validate", str(ROOT / "examples/chatqna"), "-t", "moon").refused(
        "unknown-target", exit_code=2
    )
    assert "one of docker, local" in said


def test_what_local_lacks_is_checked_with_opeas_images(opea):
    opea("init", "audioqna")
    shown = opea("validate")
    assert "valid: " in shown.out
    assert "with release 1.5, orchestrator megaservice: 8 workloads; asr >> llm >> tts" in shown.out
    assert shown.err == "not on local: profile embedded has no asr service\n"
    opea("validate", "--target", "local").refused("no-such-service")


def test_init_writes_the_example_and_it_is_valid(opea):
    shown = opea("init")
    assert shown.out == "wrote opea.yaml; next: opea-pulumi up opea.yaml, or convert opea.yaml --to compose\n"
    assert Path("opea.yaml").read_text() == (ROOT / "examples/chatqna/opea.yaml").read_text()
    assert opea("validate").code == 0


def test_init_into_a_new_folder(opea):
    assert opea("init", "chatqna", "-o", "new/app/opea.yaml", "--json").json == {
        "application": "chatqna",
        "path": "new/app/opea.yaml",
        "files": [],
    }
    assert opea("validate", "new/app").code == 0


def test_init_writes_the_files_of_an_application(opea):
    shown = opea("init", "agentqna", "-o", "agents/opea.yaml", "--json").json
    assert shown["files"] == [
        "agents/tools/ask.py",
        "agents/tools/supervisor.yaml",
        "agents/tools/worker-rag.yaml",
    ]
    assert "supervisor" in opea("convert", "agents", "--to", "compose").out
    opea("init", "agentqna", "-o", "agents/other.yaml").refused("file-exists", exit_code=2)


def test_init_keeps_what_is_there_unless_forced(opea):
    Path("opea.yaml").write_text("mine")
    said = opea("init").refused("file-exists", exit_code=2)
    assert "--force" in said
    assert Path("opea.yaml").read_text() == "mine"
    assert opea("init", "--force").code == 0
    assert "opea_app: chatqna" in Path("opea.yaml").read_text()


def test_init_of_what_the_catalogue_does_not_know(opea):
    said = opea("init", "chatqnb").refused("unknown-application")
    assert "did you mean 'chatqna'?" in said
    assert not Path("opea.yaml").exists()


@pytest.mark.parametrize("output", ["/dev/null/opea.yaml", "/proc/opea.yaml", "file/opea.yaml", "folder"])
def test_init_where_nothing_can_be_written(opea, output):
    Path("file").touch()
    Path("folder").mkdir()
    shown = opea("init", "--force", "-o", output)
    said = shown.refused("not-writable", exit_code=2)
    assert output in said
    assert os.listdir("folder") == []  # noqa: PTH208
