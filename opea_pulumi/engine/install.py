"""Installs the Pulumi CLI into the cache: by the vendor's installer, else from pinned Go sources."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from opea_pulumi.engine import _build, _manifest, _shims, _vendor, _versions
from opea_pulumi.engine._process import ProcessFailed
from opea_pulumi.engine.find import Engine, Report, in_cache
from opea_pulumi.engine.home import Home
from opea_pulumi.errors import EngineError

__all__ = ["install"]

Method = Literal["vendor", "go"]

_METHODS = {
    "vendor": ("vendor's installer (get.pulumi.com)", _vendor.fetch),
    "go": ("build from Go sources (proxy.golang.org)", _build.build),
}


def install(
    home: Home | None = None,
    *,
    version: str = _versions.PINNED,
    methods: Sequence[Method] = ("vendor", "go"),
    report: Report = lambda _line: None,
    tried: Sequence[str] = (),
) -> Engine:
    """Put the CLI of this version into the cache, unless it is there and sound; returns it.

    ``tried`` are reasons, found before, why no other CLI was taken. A second installer waits for
    the first. Raises EngineError ``engine-not-installable`` that names every attempt.
    """
    home = home or Home.from_environment()
    home.make(home.engines)
    with _one_at_a_time(home.engines / ".lock", report):
        engine = in_cache(home, version)
        if engine is None:
            _install(home, version, methods, report, list(tried))
            engine = in_cache(home, version)
    if engine is None:
        raise EngineError(
            f"the engine in {home.engines} changed while it was installed", code="engine-not-installable"
        )
    return engine


def _install(home: Home, version: str, methods: Sequence[Method], report: Report, tried: list[str]) -> None:
    target = home.engines / f"v{version}"
    if target.exists():
        tried.append(f"engine in {target}: its checksum is not the recorded one")
        report(f"{target} is not what was installed there; installing it again")
    for method in methods:
        label, get = _METHODS[method]
        draft = home.engines / f".draft-v{version}"  # ours alone: we hold the lock
        try:
            _clear(draft)
            report(f"engine {version}: {label}")
            get(draft, version, home, report)
            _check(draft, version)
            _shims.add_language_host(draft / "bin")
            _manifest.record(draft, version, method)
            _replace(draft, target)
        except ProcessFailed as error:
            tried.append(f"{label}: {error}")
            report(f"engine {version}: {tried[-1]}")
        else:
            report(f"engine {version}: ready in {target}")
            return
        finally:
            _clear(draft)
    raise _not_installable(version, tried)


def _check(draft: Path, version: str) -> None:
    try:
        said = _versions.ask(draft / "bin" / "pulumi")
    except ValueError as error:
        raise ProcessFailed(str(error)) from error
    if said != version:
        raise ProcessFailed(f"it brought version {said}")


def _replace(draft: Path, target: Path) -> None:
    """Move a whole folder into place; a stopped run leaves the old one, or none."""
    old = target.with_name(f".old-{target.name}")
    _clear(old)
    if target.exists():
        target.rename(old)
    draft.rename(target)
    _clear(old)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _one_at_a_time(lock: Path, report: Report) -> Iterator[None]:
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another opea-pulumi is installing the engine; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _not_installable(version: str, tried: Sequence[str]) -> EngineError:
    lines = "\n".join(f"  - {reason}" for reason in tried)
    return EngineError(
        f"the Pulumi engine {version} could not be installed; this was tried:\n{lines}",
        code="engine-not-installable",
        hint="install it by hand: curl -fsSL https://get.pulumi.com | sh -s -- --version "
        f"{version}; or install Go (https://go.dev/dl) and run: opea-pulumi engine install; "
        "or name a binary: export OPEA_ENGINE=/path/to/pulumi",
    )
