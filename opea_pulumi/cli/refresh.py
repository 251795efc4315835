"""``opea-pulumi refresh``."""

from __future__ import annotations

import click

from ._output import json_option, write_json
from ._progress import progress_view
from ._stack import select_stack, stack_option


@click.command(name="refresh")
@stack_option()
@json_option
def command(stack: str | None, as_json: bool) -> None:
    """Bring a stack's state in line with what really runs; up then starts what is missing."""
    handle = select_stack(stack)
    with progress_view(quiet=as_json) as view:
        summary = handle.refresh(view)
    if as_json:
        write_json({"stack": handle.name, "changes": dict(summary.changes)})
        return
    gone = (
        f"{summary.changed} no longer as recorded; opea-pulumi up puts it right"
        if summary.changed
        else "all there"
    )
    click.echo(f"{handle.name}: {gone}")
