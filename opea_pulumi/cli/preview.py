"""``opea-pulumi preview``."""

from __future__ import annotations

import click

from ._output import write_json
from ._progress import progress_view
from ._stack import open_stacks
from ._update import plan_update, update_options


@click.command(name="preview")
@update_options
def command(
    app: str | None,
    files: tuple[str, ...],
    target: str | None,
    profile: str | None,
    stack: str | None,
    as_json: bool,
) -> None:
    """Show what up would do with APP; nothing is changed."""
    plan = plan_update(app, target, profile, stack, files)
    name = plan.deployment.stack
    stacks = open_stacks()
    is_new = name not in {info.name for info in stacks.list()}
    handle = plan.open(stacks)
    try:
        with progress_view(quiet=as_json, preview=True) as view:
            summary = handle.preview(view)
    finally:
        if is_new:  # the engine previews only stacks that exist
            stacks.remove(name)
    if as_json:
        write_json({"stack": name, "changes": dict(summary.changes)})
        return
    counts = [
        f"{count} to {operation}" for operation, count in summary.changes.items() if operation != "same"
    ]
    click.echo(f"{name}: {', '.join(counts) or 'no changes'}")
