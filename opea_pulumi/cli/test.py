"""``opea-pulumi test``."""

from __future__ import annotations

from dataclasses import asdict

import click

from ._output import json_option, write_json
from ._stack import ca_option, running, stack_option


@click.command(name="test")
@stack_option()
@ca_option
@json_option
def command(stack: str | None, ca: str | None, as_json: bool) -> int:
    """Send a made-up fact through every hop: ingest, embedding, retrieval ... and the router.

    The first hop that loses it is named, with exit code 1. The fact is deleted afterwards.
    """
    application = running(stack, ca)
    from opea_pulumi.operations import HopResult, smoke_test

    results: list[HopResult] = []
    for result in smoke_test(application):
        results.append(result)
        if not as_json:
            mark = click.style("FAIL", fg="red") if result.error else click.style("ok", fg="green")
            click.echo(f"{mark:4} {result.hop} {result.seconds * 1000:.0f} ms {result.error}".rstrip())
    if as_json:
        write_json([asdict(result) for result in results])
    return 1 if any(result.error for result in results) else 0
