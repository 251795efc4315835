"""``opea-pulumi outputs``."""

from __future__ import annotations

import json

import click

from ._output import json_option, write_json
from ._stack import select_stack, stack_option


@click.command(name="outputs")
@stack_option()
@json_option
def command(stack: str | None, as_json: bool) -> None:
    """Show a stack's outputs; secret ones read [secret]."""
    outputs = select_stack(stack).outputs()
    if as_json:
        write_json(outputs)
        return
    for key, value in sorted(outputs.items()):
        click.echo(f"{key}: {value if isinstance(value, str) else json.dumps(value)}")
