"""``opea-pulumi status``."""

from __future__ import annotations

from dataclasses import asdict

import click

from ._output import json_option, note, table, write_json
from ._stack import operations_of, select_stack, stack_option


@click.command(name="status")
@stack_option()
@json_option
def command(stack: str | None, as_json: bool) -> int:
    """Show what each workload is doing; exit code 1 when one of them does not run."""
    handle = select_stack(stack)
    found = operations_of(handle).status()
    if as_json:
        write_json({"stack": handle.name, "workloads": [asdict(status) for status in found]})
    else:
        rows = ((item.name, item.state, item.url, item.since, item.detail) for item in found)
        table(("WORKLOAD", "STATE", "URL", "SINCE", "DETAIL"), rows)
    stopped = [item.name for item in found if item.state != "running"]
    if stopped and not as_json:
        names = ", ".join(stopped)
        note(f"not running: {names}; opea-pulumi logs NAME shows why, opea-pulumi up starts it again")
    return 1 if stopped else 0
