"""``opea-pulumi up``."""

from __future__ import annotations

import click

from opea_pulumi.errors import EngineError

from ._output import note, write_json
from ._progress import progress_view
from ._stack import open_stacks, remember
from ._update import plan_update, update_options


@click.command(name="up")
@update_options
@click.option("--yes", "-y", is_flag=True, help="Accepted for scripts; up asks nothing.")
def command(
    app: str | None,
    files: tuple[str, ...],
    target: str | None,
    profile: str | None,
    stack: str | None,
    as_json: bool,
    yes: bool,  # noqa: ARG001 - plain `pulumi up` has it, so scripts pass it
) -> None:
    """Deploy APP (default: this directory), or bring it up to date.

    What was stopped or killed since the last time is started again.
    """
    plan = plan_update(app, target, profile, stack, files)
    handle = plan.open(open_stacks())
    plan.keep_secrets(handle)
    remember(handle.name)
    plan.prepare(handle)
    try:
        with progress_view(quiet=as_json) as view:
            summary = handle.up(view, refresh=True)
    except EngineError:
        plan.explain()
        raise
    outputs = handle.outputs()
    if as_json:
        write_json({"stack": handle.name, "changes": dict(summary.changes), "outputs": outputs})
        return
    changed = f"{summary.changed} changed" if summary.changed else "no changes"
    note(f"{handle.name}: {changed} in {summary.seconds} s")
    click.echo(outputs.get("url", ""))
