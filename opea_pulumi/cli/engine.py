"""``opea-pulumi engine``."""

from __future__ import annotations

import click

from opea_pulumi.errors import EngineError

from ._output import json_option, note, write_json


@click.group(name="engine")
def command() -> None:
    """Find, install or describe the Pulumi engine."""


@command.command()
@json_option
def info(as_json: bool) -> None:
    """Show which engine is used, and where state and caches lie."""
    from opea_pulumi.engine import Home, environment, find

    home = Home.from_environment()
    engine = find(home)
    facts = {"home": str(home.data), "cache": str(home.cache)}
    if engine is None:
        facts |= {"engine": "none; opea-pulumi engine install gets one"}
    else:
        facts |= {"engine": str(engine.path), "version": engine.version, "origin": engine.origin}
        facts |= {"backend": environment(engine, home).get("PULUMI_BACKEND_URL", "the user's own")}
    if as_json:
        write_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key}: {value}")


@command.command()
def install() -> None:
    """Install the pinned engine into the cache, unless a usable one is there."""
    from opea_pulumi.engine import obtain

    engine = obtain(report=note)
    click.echo(f"{engine.path} {engine.version}")


@command.command()
def env() -> None:
    """Print what plain pulumi needs: eval "$(opea-pulumi engine env)"."""
    from opea_pulumi.engine import environment, find, shell_lines

    engine = find()
    if engine is None:
        raise EngineError("there is no engine", code="no-engine", hint="opea-pulumi engine install")
    click.echo(shell_lines(environment(engine)), nl=False)
