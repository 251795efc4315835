"""``opea-pulumi validate``."""

from __future__ import annotations

import click

from ._output import json_option, write_json
from ._stack import load_app


@click.command(name="validate")
@click.argument("app", required=False)
@click.option("--target", "-t", metavar="TARGET", help="Check it for this target (default: local).")
@click.option("--profile", metavar="PROFILE", help="Check it with these services: embedded or opea.")
@json_option
def command(app: str | None, target: str | None, profile: str | None, as_json: bool) -> None:
    """Check APP (default: this directory): its language, and that a target can deploy it."""
    from opea_pulumi.blueprint import build_blueprint
    from opea_pulumi.targets import DEFAULT, choose_profile, load_target

    loaded = load_app(app)
    chosen = load_target(target or DEFAULT)
    with loaded.locating():
        asked = profile or loaded.application.deployment.profile
        blueprint = build_blueprint(
            loaded.application, name=loaded.name, profile=choose_profile(chosen, asked)
        )
    if as_json:
        write_json(blueprint.model_dump(mode="json"))
        return
    flow = "; ".join(loaded.application.mega.flow.to_lines()) or "the catalogue's flow"
    click.echo(
        f"{loaded.path}: valid: {loaded.name} on {chosen.name}: {len(blueprint.workloads)} workloads; {flow}"
    )
