"""The wheel, built from what git tracks, and environments that hold it and nothing of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it."""

    folder: Path

    def run(self, program: str, *arguments: str, code: int = 0, cwd: Path | None = None) -> str:
        """Run one of its programs away from the checkout; returns stdout and stderr."""
        done = subprocess.run(
            [self.folder / "bin" / program, *arguments],
            cwd=cwd or self.folder,
            env={**_environment(), "OPEA_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def python(self, script: str) -> str:
        return self.run("python", "-c", script)


def _environment() -> dict[str, str]:
    """The developer's own, without what would let the checkout or another engine in."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "OPEA_"))}
    return {key: value for key, value in kept.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def _pip(*arguments: str, python: str | Path = sys.executable) -> None:
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name)
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Installed]:
    def make(extra: str) -> Installed:
        folder = tmp_path_factory.mktemp(f"env-{extra or 'base'}")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
        _pip("install", f"{wheel}[{extra}]" if extra else str(wheel), python=folder / "bin/python")
        return Installed(folder)

    return make


@pytest.fixture(scope="session")
def base(install: Callable[[str], Installed]) -> Installed:
    """The wheel without extras."""
    return install("")


@pytest.fixture(scope="session")
def engine(install: Callable[[str], Installed]) -> Installed:
    """The wheel with the extra ``engine``."""
    return install("engine")
