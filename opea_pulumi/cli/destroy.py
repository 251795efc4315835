"""``opea-pulumi destroy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opea_pulumi.errors import UsageError

from ._output import json_option, note, write_json
from ._progress import progress_view
from ._stack import choose_stack, forget, open_stacks, operations_of, stack_option

if TYPE_CHECKING:
    from opea_pulumi.engine import StackHandle


@click.command(name="destroy")
@stack_option()
@click.option("--yes", "-y", is_flag=True, help="Do not ask; ingested documents are deleted, too.")
@click.option("--keep-data", is_flag=True, help="Keep the ingested documents for the next up.")
@json_option
def command(stack: str | None, yes: bool, keep_data: bool, as_json: bool) -> None:
    """Delete what a stack deployed, and the stack."""
    stacks = open_stacks()
    if stack and stack not in {info.name for info in stacks.list()}:
        note(f"there is no stack {stack}: nothing to do")
        if as_json:
            write_json({"stack": stack, "changes": {}})
        return
    name = choose_stack(stacks, stack)
    if not yes:
        _confirm(name, keep_data=keep_data)
    if keep_data:
        stacks.env["OPEA_KEEP_DATA"] = "1"  # read by the plugin, which the engine starts
    handle = stacks.open(name)
    if keep_data:
        _retain(handle)
    with progress_view(quiet=as_json) as view:
        summary = handle.destroy(view)
    stacks.remove(name)
    forget(name)
    if as_json:
        write_json({"stack": name, "changes": dict(summary.changes)})
    else:
        note(f"{name}: {summary.changed} deleted in {summary.seconds} s")


def _retain(handle: StackHandle) -> None:
    """Leave out the deletion of what holds data, where that is a resource of another's plugin."""
    if handle.outputs().get("endpoints"):
        handle.retain(operations_of(handle).data())


def _confirm(name: str, *, keep_data: bool) -> None:
    data = "but not the documents ingested into it" if keep_data else "and the documents ingested into it"
    try:
        confirmed = click.confirm(f"Delete stack {name}: what it runs {data}?", err=True)
    except click.Abort as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise
        confirmed = False  # there is nobody to ask
    if not confirmed:
        hint = "--yes deletes without asking"
        raise UsageError("nothing was deleted", code="not-confirmed", hint=hint)
