"""``opea-pulumi validate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from opea_pulumi.errors import BlueprintError, OpeaError, UsageError
from opea_pulumi.terms import Profile

from ._app import files_option, load_app, settings_options
from ._output import json_option, note, write_json

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded
    from opea_pulumi.blueprint import Blueprint


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
    """Check APP (default: this directory): its language, and that it can be deployed.

    Without a target it is checked for local, and where local lacks a service, for OPEA's images.
    """
    from opea_pulumi.targets import DEFAULT, blueprint_for, load_target

    loaded = load_app(app, files)
    why_not = ""
    try:
        chosen = load_target(target or DEFAULT)
        blueprint, where = blueprint_for(chosen, loaded, profile), f"on {chosen.name}"
    except (BlueprintError, UsageError) as error:
        asked = profile or loaded.application.deployment.profile
        other = None if target or asked == Profile.EMBEDDED else _with_opea_images(loaded)
        if other is None:
            raise
        blueprint, where = other, f"with release {other.release}, orchestrator {other.orchestrator}"
        why_not = error.message
    if as_json:
        write_json(blueprint.model_dump(mode="json"))
        return
    flow = "; ".join(loaded.application.mega.flow.to_lines()) or "the catalogue's flow"
    click.echo(f"{loaded.path}: valid: {loaded.name} {where}: {len(blueprint.workloads)} workloads; {flow}")
    if why_not and not profile:
        note(f"not on {DEFAULT}: {why_not}")


def _with_opea_images(loaded: Loaded) -> Blueprint | None:
    """What a target with OPEA's images would deploy; ``None`` when it could not either."""
    from opea_pulumi.blueprint import build_blueprint

    try:
        return build_blueprint(
            loaded.application,
            name=loaded.name,
            profile=Profile.OPEA,
            files=loaded.files,
            digests=loaded.digests,
        )
    except OpeaError:
        return None
