"""``opea-pulumi validate``."""

from __future__ import annotations

import click

from ._app import files_option, load_app, settings_options
from ._output import json_option, write_json


@click.command(name="validate")
@click.argument("app", required=False)
@files_option
@click.option("--target", "-t", metavar="TARGET", help="Check it for this target (default: local).")
@click.option("--profile", metavar="PROFILE", help="Check it with these services: embedded or opea.")
@settings_options
@json_option
def command(
    app: str | None, files: tuple[str, ...], target: str | None, profile: str | None, as_json: bool
) -> None:
    """Check APP (default: this directory): its language, and that a target can deploy it."""
    from opea_pulumi.targets import DEFAULT, blueprint_for, load_target

    loaded = load_app(app, files)
    chosen = load_target(target or DEFAULT)
    blueprint = blueprint_for(chosen, loaded, profile)
    if as_json:
        write_json(blueprint.model_dump(mode="json"))
        return
    flow = "; ".join(loaded.application.mega.flow.to_lines()) or "the catalogue's flow"
    click.echo(
        f"{loaded.path}: valid: {loaded.name} on {chosen.name}: {len(blueprint.workloads)} workloads; {flow}"
    )
