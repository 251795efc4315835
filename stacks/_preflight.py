"""What every target asks of a machine first."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from opea_pulumi.errors import PreflightError
from opea_pulumi.targets import Check


def missing_extras(target: str, modules: Iterable[str]) -> list[PreflightError]:
    """That Python packages of the target's extra are not installed, if any is not."""
    absent = [module for module in modules if find_spec(module) is None]
    if not absent:
        return []
    message = f"the {target} target needs Python packages that are not installed: {', '.join(absent)}"
    return [PreflightError(message, code="missing-extra", hint=f"pip install 'opea-pulumi[{target}]'")]


def extras_check(target: str, modules: Iterable[str]) -> Check:
    """The same as a check of doctor."""
    wanted = list(modules)
    for error in missing_extras(target, wanted):
        return Check("packages", "missing", error.message, error.hint)
    return Check("packages", "ok", f"the {len(wanted)} packages of opea-pulumi[{target}]")
