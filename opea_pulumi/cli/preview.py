"""``opea-pulumi preview``."""

from __future__ import annotations

import click

from ._output import write_json
from ._progress import progress_view
from ._update import plan_update, update_options


@click.command(name="preview")
@update_options
def command(
    app: str | None, target: str | None, profile: str | None, stack: str | None, as_json: bool
) -> None:
    """Show what up would do with APP; nothing is changed."""
    handle = plan_update(app, target, profile, stack).open(create=True)
    with progress_view(quiet=as_json, preview=True) as view:
        summary = handle.preview(view)
    if as_json:
        write_json({"stack": handle.name, "changes": dict(summary.changes)})
        return
    counts = [
        f"{count} to {operation}" for operation, count in summary.changes.items() if operation != "same"
    ]
    click.echo(f"{handle.name}: {', '.join(counts) or 'no changes'}")
