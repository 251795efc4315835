"""``opea-pulumi doctor``: one line a check, and the exit code of those that are needed."""

from pathlib import Path

import pytest

from opea_pulumi.targets import Check, WorkloadStatus

OWN = ["python", "home", "pulumi", "plugin opea"]


def lines(shown):
    return {name: line.split()[0] for line in shown.out.splitlines() for name in [line[8:].partition(":")[0]]}


def test_all_is_there(opea, world):
    world.checks = [Check("wheels", "ok", "4 of 4")]
    shown = opea("doctor")
    assert shown.code == 0
    assert list(lines(shown)) == [*OWN, "wheels"]
    assert "ok      wheels: 4 of 4" in shown.out.splitlines()


def test_what_is_missing_is_told_with_what_to_do_and_the_code(opea, world):
    world.checks = [
        Check("wheels", "missing", "3 of 4", "buy one"),
        Check("paint", "hint", "red", "try blue"),
    ]
    shown = opea("doctor", "--target", "fake")
    assert shown.code == 1
    assert shown.out.splitlines()[-2:] == [
        "missing wheels: 3 of 4 - buy one",
        "hint    paint: red - try blue",
    ]
    told = opea("doctor", "--json")
    assert told.code == 1
    assert told.json[-2] == {"name": "wheels", "state": "missing", "detail": "3 of 4", "hint": "buy one"}


def test_a_hint_alone_is_no_failure(opea, world):
    world.checks = [Check("paint", "hint", "red", "try blue")]
    assert opea("doctor").code == 0


def test_a_stack_s_workloads(opea, world):
    world.deploy("a")
    world.statuses = [WorkloadStatus("llm", "running", detail="pid 7"), WorkloadStatus("router", "stopped")]
    shown = opea("doctor", "--stack", "a")
    assert shown.code == 1
    assert "ok      llm: running, pid 7" in shown.out
    assert "missing router: stopped - opea-pulumi logs router --stack a shows why" in shown.out


def test_an_unknown_target(opea, world):
    assert opea("doctor", "--target", "moon").code == 2


def test_no_engine_is_only_a_hint(opea, world, monkeypatch, tmp_path: Path):
    monkeypatch.delenv("OPEA_ENGINE", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("OPEA_CACHE", str(tmp_path / "cache"))
    shown = opea("doctor")
    assert shown.code == 0
    assert lines(shown)["pulumi"] == "hint"
    assert "opea-pulumi engine install" in shown.out


def test_an_engine_that_is_none(opea, world, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("OPEA_ENGINE", str(tmp_path / "nothing"))
    shown = opea("doctor")
    assert shown.code == 1
    assert lines(shown)["pulumi"] == "missing"


@pytest.mark.parametrize("variable", ["OPEA_HOME", "OPEA_CACHE"])
def test_a_home_that_cannot_be_written(variable, opea, world, monkeypatch, tmp_path: Path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "below"))
    shown = opea("doctor")
    assert shown.code == 1
    assert lines(shown)["home"] == "missing"
    assert variable in shown.out
