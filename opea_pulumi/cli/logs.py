"""``opea-pulumi logs``."""

from __future__ import annotations

import click

from ._stack import operations_of, select_stack, stack_option


@click.command(name="logs")
@click.argument("workload", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option("--tail", "-n", default=100, show_default=True, help="How many of the last lines.")
@stack_option
def command(workload: str | None, follow: bool, tail: int, stack: str | None) -> None:
    """Show the log of WORKLOAD; without one, the last lines of every workload."""
    operations = operations_of(select_stack(stack))
    if workload:
        for line in operations.logs(workload, tail=tail, follow=follow):
            click.echo(line)
        return
    if follow:
        names = ", ".join(status.name for status in operations.status())
        raise click.UsageError(f"--follow needs a WORKLOAD: one of {names}")
    for status in operations.status():
        for line in operations.logs(status.name, tail=tail, follow=False):
            click.echo(f"{status.name}: {line}")
