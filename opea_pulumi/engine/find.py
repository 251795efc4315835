"""Finds the Pulumi CLI: the one the user names, the one on PATH, or the one in our cache."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from opea_pulumi.engine import _manifest, _shims, _versions
from opea_pulumi.engine.home import Home
from opea_pulumi.errors import EngineError

__all__ = ["Engine", "Report", "find", "obtain"]

Report = Callable[[str], None]
"""Takes one line of progress at a time."""

Origin = Literal["OPEA_ENGINE", "PATH", "cache"]


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI that was found: absolute path, version such as ``3.256.0``, and where."""

    path: Path
    version: str
    origin: Origin
    method: str = ""
    """How it came into the cache: ``vendor`` or ``go``; empty for the user's own."""


def find(home: Home | None = None) -> Engine | None:
    """The engine to use, without installing anything; ``None`` when there is none.

    Raises EngineError ``engine-unusable`` when OPEA_ENGINE names something that is no usable CLI.
    """
    return _search(home or Home.from_environment())[0]


def obtain(home: Home | None = None, *, report: Report = lambda _line: None) -> Engine:
    """The engine to use; installs the pinned version when there is none.

    Raises EngineError ``engine-not-installable`` that names every attempt.
    """
    from opea_pulumi.engine.install import install

    home = home or Home.from_environment()
    engine, refused = _search(home)
    return engine or install(home, report=report, tried=refused)


def in_cache(home: Home, version: str) -> Engine | None:
    """The verified engine of this version in our cache, or ``None``."""
    root = home.engines / f"v{version}"
    manifest = _manifest.verified(root)
    if manifest is None:
        return None
    _shims.refresh_language_host(root / "bin")
    return Engine(root / "bin" / "pulumi", manifest.version, "cache", manifest.method)


def _search(home: Home) -> tuple[Engine | None, list[str]]:
    """The engine, and why a CLI on PATH was not taken."""
    named = os.environ.get("OPEA_ENGINE")
    if named:
        return _named(Path(named)), []
    engine, refused = _on_path(home)
    return engine or in_cache(home, _versions.PINNED), refused


def _named(path: Path) -> Engine:
    try:
        version = _versions.ask(path.absolute())
        if not _versions.usable(version):
            raise ValueError(f"version {version} is not usable (needs {_versions.MINIMUM} or a later 3.x)")
    except ValueError as error:
        raise EngineError(
            f"OPEA_ENGINE={path}: {error}",
            code="engine-unusable",
            hint="name a working pulumi binary, or: unset OPEA_ENGINE",
        ) from error
    return Engine(path.absolute(), version, "OPEA_ENGINE")


def _on_path(home: Home) -> tuple[Engine | None, list[str]]:
    found = shutil.which("pulumi")
    if not found:
        return None, ["pulumi on PATH: there is none"]
    path = Path(found).absolute()
    if path.is_relative_to(home.engines):  # `engine env` put our own there: no need to run it
        return in_cache(home, path.parent.parent.name.removeprefix("v")), []
    try:
        version = _versions.ask(path)
    except ValueError as error:
        return None, [f"pulumi on PATH: {error}"]
    if not _versions.usable(version):
        return None, [
            f"pulumi on PATH: {path} is version {version}, {_versions.MINIMUM} or a later 3.x is needed"
        ]
    return Engine(path, version, "PATH"), []
