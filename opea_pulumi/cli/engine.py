"""``opea-pulumi engine``."""

from __future__ import annotations

import click

from opea_pulumi.errors import EngineError

from ._output import json_option, note, write_json
from ._stack import need_engine


@click.group(name="engine")
def command() -> None:
    """Find, install or describe the Pulumi engine."""


@command.command()
@json_option
def info(as_json: bool) -> None:
    """Show which engine is used, and where state and caches lie."""
    from opea_pulumi.engine import Home, environment, find, user_backend

    home = Home.from_environment()
    engine = find(home)
    facts: dict[str, str | None] = {"home": str(home.data), "cache": str(home.cache), "engine": None}
    if engine is not None:
        backend = environment(engine, home).get("PULUMI_BACKEND_URL") or user_backend()
        facts |= {"engine": str(engine.path), "version": engine.version, "origin": engine.origin}
        facts |= {"backend": backend}
    if as_json:
        write_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key}: {value or 'none; opea-pulumi engine install gets one'}")


@command.command()
@json_option
def install(as_json: bool) -> None:
    """Install the pinned engine into the cache, unless a usable one is there."""
    need_engine()
    from opea_pulumi.engine import obtain

    engine = obtain(report=note)
    if as_json:
        write_json({"engine": str(engine.path), "version": engine.version, "origin": engine.origin})
    else:
        click.echo(f"{engine.path} {engine.version}")


@command.command()
@json_option
def env(as_json: bool) -> None:
    """Print what plain pulumi needs: eval "$(opea-pulumi engine env)"."""
    from opea_pulumi.engine import environment, find, shell_lines

    engine = find()
    if engine is None:
        raise EngineError("there is no engine", code="no-engine", hint="opea-pulumi engine install")
    variables = environment(engine)
    if as_json:
        write_json(variables)
    else:
        click.echo(shell_lines(variables), nl=False)
