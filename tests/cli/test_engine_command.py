"""``opea-pulumi engine``: what it tells of the engine, with a stand-in for the binary."""

import shlex
import subprocess
from pathlib import Path

import pytest

from opea_pulumi.engine import PINNED


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that says that it is Pulumi; the user has set no backend."""
    path = tmp_path / "bin" / "pulumi"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\necho v{PINNED}\n")
    path.chmod(0o755)
    monkeypatch.setenv("OPEA_ENGINE", str(path))
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    monkeypatch.setenv("OPEA_CACHE", str(tmp_path / "cache"))
    return path


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPEA_ENGINE", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("OPEA_CACHE", str(tmp_path / "cache"))


def test_info(opea, engine, own_home, tmp_path):
    facts = {
        "home": str(own_home),
        "cache": str(tmp_path / "cache"),
        "engine": str(engine),
        "version": PINNED,
        "origin": "OPEA_ENGINE",
        "backend": f"file://{own_home}/state",
    }
    assert opea("engine", "info", "--json").json == facts
    assert opea("engine", "info").out.splitlines() == [f"{key}: {value}" for key, value in facts.items()]


def test_info_names_the_user_s_own_backend(opea, engine, monkeypatch):
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///elsewhere")
    assert opea("engine", "info", "--json").json["backend"] == "file:///elsewhere"


def test_info_without_an_engine(opea, no_engine):
    assert opea("engine", "info", "--json").json["engine"] is None
    assert "engine: none; opea-pulumi engine install gets one" in opea("engine", "info").out


def test_env_is_what_a_shell_takes(opea, engine, own_home):
    text = opea("engine", "env").out
    script = f"{text}\ncommand -v pulumi; printenv PULUMI_BACKEND_URL PULUMI_CONFIG_PASSPHRASE_FILE"
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    backend, passphrase = f"file://{own_home}/state", f"{own_home}/passphrase"
    assert told.splitlines() == [str(engine), backend, passphrase]
    variables = opea("engine", "env", "--json").json
    assert f"export PULUMI_BACKEND_URL={shlex.quote(variables['PULUMI_BACKEND_URL'])}\n" in text


def test_env_without_an_engine_prints_nothing_to_evaluate(opea, no_engine):
    shown = opea("engine", "env")
    assert shown.out == ""
    assert "opea-pulumi engine install" in shown.refused("no-engine")


def test_install_of_what_is_there(opea, engine):
    assert opea("engine", "install").out == f"{engine} {PINNED}\n"
    shown = opea("engine", "install", "--json")
    assert shown.json == {"engine": str(engine), "version": PINNED, "origin": "OPEA_ENGINE"}


def test_an_engine_that_cannot_be_used(opea, engine):
    engine.write_text("#!/bin/sh\necho v2.0.0\n")
    for name in ("info", "env", "install"):
        assert str(engine) in opea("engine", name).refused("engine-unusable")
