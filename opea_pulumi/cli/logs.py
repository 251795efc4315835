"""``opea-pulumi logs``."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from opea_pulumi.errors import UsageError

from ._output import json_option
from ._stack import operations_of, select_stack, stack_option


@click.command(name="logs")
@click.argument("workload", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--tail", "-n", default=100, show_default=True, type=click.IntRange(0), help="How many of the last lines."
)
@stack_option()
@json_option
def command(workload: str | None, follow: bool, tail: int, stack: str | None, as_json: bool) -> None:
    """Show the log of WORKLOAD; without one, the last lines of every workload.

    With --json each line is an object of its own: {"workload": ..., "line": ...}.
    """
    operations = operations_of(select_stack(stack))
    if workload:
        _print(workload, operations.logs(workload, tail=tail, follow=follow), as_json=as_json)
        return
    names = [status.name for status in operations.status()]
    if follow:
        hint = f"one of {', '.join(names)}"
        raise UsageError("--follow needs a WORKLOAD", code="which-workload", hint=hint)
    for name in names:
        _print(name, operations.logs(name, tail=tail, follow=False), as_json=as_json, prefix=f"{name}: ")


def _print(workload: str, lines: Iterable[str], *, as_json: bool, prefix: str = "") -> None:
    for line in lines:
        row = {"workload": workload, "line": line}
        click.echo(json.dumps(row, ensure_ascii=False) if as_json else prefix + line)
