"""``opea-pulumi doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ._output import json_option, write_json
from ._stack import select_stack, stack_option

if TYPE_CHECKING:
    from opea_pulumi.targets import Check

_COLOURS = {"ok": "green", "missing": "red", "hint": "yellow"}


@click.command(name="doctor")
@click.option("--target", "-t", metavar="TARGET", help="What to look at (default: the stack's, else local).")
@stack_option("Look at this stack's workloads, too.")
@json_option
def command(target: str | None, stack: str | None, as_json: bool) -> int:
    """Look at what a target needs, one line each: ok, missing (needed and not there), hint.

    Nothing is changed. Exit code 1 when something is missing.
    """
    missing = False
    found: list[Check] = []
    for check in _checks(target, stack):
        found.append(check)
        missing = missing or check.state == "missing"
        if not as_json:
            hint = f" - {check.hint}" if check.hint else ""
            click.secho(f"{check.state:8}", fg=_COLOURS[check.state], nl=False)
            click.echo(f"{check.name}: {check.detail}{hint}")
    if as_json:
        write_json([asdict(check) for check in found])
    return 1 if missing else 0


def _checks(target: str | None, stack: str | None) -> Iterator[Check]:
    from opea_pulumi.targets import DEFAULT, load_target

    from ._doctor import own_checks, stack_checks

    chosen = load_target(target) if target else None
    yield from own_checks()
    handle = select_stack(stack) if stack else None
    if chosen is None:
        recorded = handle.config().get("opea:target") or handle.outputs().get("target") if handle else ""
        chosen = load_target(str(recorded or DEFAULT))
    yield from chosen.checks()
    if handle is not None:
        yield from stack_checks(handle)
