"""What every target needs: Python, the Pulumi engine, a home, our plugin; and a stack's own workloads."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from opea_pulumi.errors import OpeaError

if TYPE_CHECKING:
    from opea_pulumi.engine import StackHandle
    from opea_pulumi.targets import Check

_PYTHON = (3, 11)
"""As pyproject.toml requires."""


def own_checks() -> Iterator[Check]:
    """What this command itself needs."""
    from opea_pulumi.targets import Check

    yield _python()
    yield _home()
    if find_spec("pulumi") is None or find_spec("psutil") is None:
        detail = "the Python packages of the Pulumi engine are not installed"
        yield Check("pulumi", "missing", detail, "pip install 'opea-pulumi[local]' or 'opea-pulumi[docker]'")
        return
    yield _engine()
    yield _plugin()


def _python() -> Check:
    from opea_pulumi.targets import Check

    detail = f"{platform.python_version()}, {sys.executable}"
    good = sys.version_info[:2] >= _PYTHON
    hint = "" if good else f"Python {_PYTHON[0]}.{_PYTHON[1]} or later is needed"
    return Check("python", "ok" if good else "missing", detail, hint)


def _home() -> Check:
    from opea_pulumi.engine import Home
    from opea_pulumi.targets import Check

    home = Home.from_environment()
    for folder in (home.data, home.cache):
        above = next(path for path in (folder, *folder.parents) if path.exists())
        if not os.access(above, os.W_OK | os.X_OK) or not above.is_dir():
            variable = "OPEA_HOME" if folder == home.data else "OPEA_CACHE"
            return Check("home", "missing", f"cannot write to {above}", f"export {variable}=DIRECTORY")
    return Check("home", "ok", f"{home.data}, cache {home.cache}")


def _engine() -> Check:
    from opea_pulumi.engine import find
    from opea_pulumi.targets import Check

    try:
        engine = find()
    except OpeaError as error:
        return Check("pulumi", "missing", error.message, error.hint)
    if engine is None:
        return Check("pulumi", "hint", "no usable engine", "up installs one, or: opea-pulumi engine install")
    return Check("pulumi", "ok", f"{engine.version}, {engine.path} ({engine.origin})")


def _plugin() -> Check:
    """Ours; the engine starts it by a script in the cache."""
    from opea_pulumi.engine import Home, provider_folder
    from opea_pulumi.targets import Check

    try:
        folder = provider_folder(Home.from_environment())
    except OpeaError as error:
        return Check("plugin opea", "missing", error.message, error.hint)
    return Check("plugin opea", "ok", str(folder / "pulumi-resource-opea"))


def stack_checks(handle: StackHandle) -> Iterator[Check]:
    """Every workload of a deployed stack, as its target tells."""
    from opea_pulumi.targets import Check

    from ._stack import operations_of

    try:
        found = operations_of(handle).status()
    except OpeaError as error:
        yield Check("stack", "missing", error.message, error.hint)
        return
    for item in found:
        good = item.state == "running"
        hint = "" if good else f"opea-pulumi logs {item.name} --stack {handle.name} shows why; up repairs"
        detail = f"{item.state}, {item.detail}".rstrip(", ")
        yield Check(item.name, "ok" if good else "missing", detail, hint)
