from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opea_pulumi.engine import Engine, environment, shell_lines, user_backend


@pytest.fixture
def some_engine(own_home, tmp_path):
    binary = tmp_path / "bin" / "pulumi"
    binary.parent.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (binary.parent / name).write_text("#!/bin/sh\n")
        (binary.parent / name).chmod(0o755)
    return Engine(binary, "3.256.0", "PATH")


def test_the_embedded_state_and_passphrase_are_made_and_named(some_engine, own_home):
    found = environment(some_engine, own_home)
    assert found["PULUMI_BACKEND_URL"] == f"file://{str(own_home.state).replace(' ', '%20')}"
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(own_home.passphrase_file)
    assert own_home.state.is_dir()
    assert own_home.passphrase_file.read_text()
    assert found["OPEA_PYTHON"] == sys.executable
    assert found["OPEA_HOME"] == str(own_home.data)


def test_path_starts_with_the_engine_and_names_nothing_twice(some_engine, own_home):
    once = environment(some_engine, own_home)["PATH"]
    again = environment(some_engine, own_home, {**os.environ, "PATH": once})["PATH"]
    assert once == again
    assert once.split(":")[0] == str(some_engine.path.parent)
    assert Path(once.split(":")[-1], "pulumi-resource-opea").exists()


def test_an_engine_without_a_language_host_gets_ours(some_engine, own_home):
    (some_engine.path.parent / "pulumi-language-python").unlink()
    folder = Path(environment(some_engine, own_home)["PATH"].split(":")[1])
    assert "opea_pulumi.engine.language_host" in (folder / "pulumi-language-python").read_text()


@pytest.mark.parametrize(
    ("variables", "backend"),
    [
        ({"PULUMI_BACKEND_URL": "s3://bucket"}, "s3://bucket"),
        ({"PULUMI_ACCESS_TOKEN": "pul-1"}, "https://api.pulumi.com"),
        ({}, ""),
    ],
)
def test_a_backend_that_the_user_has_set_wins(variables, backend, some_engine, own_home, tmp_path):
    environ = {"HOME": str(tmp_path), "PATH": "/bin", **variables}
    assert user_backend(environ) == backend
    assert ("PULUMI_BACKEND_URL" in environment(some_engine, own_home, environ)) is (backend == "")


@pytest.mark.parametrize("place", ["HOME", "PULUMI_HOME"])
def test_a_recorded_login_wins(place, some_engine, own_home, tmp_path):
    folder = tmp_path / ".pulumi" if place == "HOME" else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / "credentials.json").write_text(json.dumps({"current": "gs://mine"}))
    environ = {place: str(tmp_path)}
    assert user_backend(environ) == "gs://mine"
    assert "PULUMI_BACKEND_URL" not in environment(some_engine, own_home, environ)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"current": null}', '{"current": ""}'])
def test_a_login_file_that_says_nothing_is_no_login(text, tmp_path):
    (tmp_path / "credentials.json").write_text(text)
    assert user_backend({"PULUMI_HOME": str(tmp_path)}) == ""


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_that_the_user_has_set_wins_even_if_empty(name, some_engine, own_home):
    found = environment(some_engine, own_home, {name: ""})
    assert not [key for key in found if key.startswith("PULUMI_CONFIG_PASSPHRASE")]


def test_shell_lines_survive_a_shell():
    nasty = {"A": 'it\'s $HOME `id` "x"\n two', "B": "", "C": "plain"}
    script = shell_lines(nasty) + 'printf "%s\\0%s\\0%s" "$A" "$B" "$C"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0") == [nasty["A"], nasty["B"], nasty["C"]]


@pytest.mark.parametrize("python", ["/gone/bin/python", "recorded"])
def test_a_shim_whose_python_is_gone_says_what_to_do(python, some_engine, own_home, monkeypatch):
    shim = Path(environment(some_engine, own_home)["PATH"].split(":")[-1], "pulumi-resource-opea")
    if python == "recorded":
        shim.write_text(shim.read_text().replace("|| python=", "|| python=/gone"))
    else:
        monkeypatch.setenv("OPEA_PYTHON", python)
    done = subprocess.run([str(shim)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "opea-pulumi engine install" in done.stderr
