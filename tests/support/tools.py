"""Programs that judge what is generated, and hosts of other languages: built once, from pinned sources.

`tool("kube-score")` gives a program's path. It is installed when `OPEA_TEST_SETUP=1`, as `.ci/run` sets it;
without it, and when it is not there yet, the test skips with the reason, unless `OPEA_TEST_REQUIRE` holds
`gates`. Go programs come from `tests/support/go/NAME` (go.mod and go.sum pin every source), Python ones from
PyPI at one version, into an environment of their own.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from opea_pulumi.engine import _build
from opea_pulumi.engine._process import ProcessFailed
from opea_pulumi.home import cache

MODULES = Path(__file__).parent / "go"
GO = {  # the package to build in the module of the same name
    "docker-compose": "github.com/docker/compose/v2/cmd",
    "kompose": "github.com/kubernetes/kompose",
    "kube-score": "github.com/zegl/kube-score/cmd/kube-score",
    "pod-security": ".",
    "pulumi-language-nodejs": ".",
    "pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
}
LDFLAGS = {"docker-compose": "-X github.com/docker/compose/v2/internal.Version=v2.39.1"}
PYTHON = {"checkov": "checkov==3.3.30"}


class LackingError(Exception):
    """A program is neither there nor to be installed; the text says why."""


def tool(name: str) -> Path:
    """The program `name`; skips or fails the test when it is neither there nor to be installed."""
    try:
        return program_of(name)
    except LackingError as error:
        _lacking(str(error))


def program_of(name: str) -> Path:
    """The program `name`. Raises LackingError."""
    folder = _folders() / f"{name}-{_fingerprint(name)}"
    program = folder / "bin" / name
    if program.exists():
        return program
    if os.environ.get("OPEA_TEST_SETUP") != "1":
        raise LackingError(f"{name} is not in {folder}; OPEA_TEST_SETUP=1 allows its installation")
    with _one_at_a_time(folder):
        if not program.exists():  # nobody else has made it meanwhile
            try:
                _install(name, folder)
            except (ProcessFailed, OSError, subprocess.SubprocessError) as error:
                raise LackingError(f"{name} cannot be installed: {error}") from error
    return program


def run_tool(name: str, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool; its exit code is the caller's to judge."""
    command = [str(tool(name)), *(str(argument) for argument in arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=600)


def _lacking(reason: str) -> NoReturn:
    if "gates" in os.environ.get("OPEA_TEST_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)


def _folders() -> Path:
    return cache() / "tools"


def _fingerprint(name: str) -> str:
    digest = hashlib.sha256(f"{PYTHON.get(name, '')}{GO.get(name, '')}{LDFLAGS.get(name, '')}".encode())
    if name in GO:
        for file in sorted((MODULES / name).iterdir()):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / ".lock").open("w") as lock:  # builds are heavy: one on the whole machine
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(name: str, folder: Path) -> None:
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    if name in GO:
        _build_go(name, draft)
        draft.rename(folder)
    else:  # a virtual environment cannot be moved: its program comes last
        _install_python(name, folder)


def _build_go(name: str, draft: Path) -> None:
    module, scratch = MODULES / name, draft.parent / ".go-scratch"
    go, own = _build._toolchain(_build._needed(module), scratch, lambda _line: None)
    command = [go, "build", "-trimpath", "-ldflags", f"-s -w {LDFLAGS.get(name, '')}"]
    try:
        subprocess.run(
            _nicely([*command, "-o", draft / "bin" / name, GO[name]]),
            cwd=module,
            env=_build._environment(scratch if own else None),
            check=True,
        )
    finally:
        _build._remove(scratch)


def _install_python(name: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    draft = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", draft], check=True)
    pip = [draft / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run(_nicely([*pip, PYTHON[name]]), check=True)
    (folder / "bin").mkdir()
    (folder / "bin" / name).symlink_to(draft / "bin" / name)


def _nicely(command: list[str | Path]) -> list[str]:
    nice = ["nice", "-n", "10"] if shutil.which("nice") else []
    return [*nice, *(str(part) for part in command)]
