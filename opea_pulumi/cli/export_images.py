"""``opea-pulumi export-images``."""

from __future__ import annotations

from pathlib import Path

import click

from opea_pulumi.errors import UsageError
from opea_pulumi.terms import Profile

from ._app import files_option, load_app, settings_options
from ._output import json_option

_FORMATS = {"docker": "compose", "kubernetes": "kubernetes"}
"""What a target's blueprint is made as."""


@click.command(name="export-images")
@click.argument("app", required=False)
@files_option
@click.option(
    "--target", type=click.Choice(list(_FORMATS)), default="docker", help="Where it runs (default: docker)."
)
@click.option("--profile", type=click.Choice([str(item) for item in Profile]), help="Which services.")
@settings_options
@click.option("--list", "only_list", is_flag=True, help="Show the images (the default).")
@click.option("--save", "file", type=click.Path(path_type=Path), help="Write them all into one archive.")
@click.option("--force", is_flag=True, help="Replace an archive that is there.")
@json_option
def command(
    app: str | None,
    files: tuple[str, ...],
    target: str,
    profile: str | None,
    only_list: bool,
    file: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """List the images that APP (default: this directory) needs, or save them for a host without a network.

    Digests are the lock's or those that the engine knows; for what is missing the command that gets it
    is shown. The archive is read by images load, or docker load.
    """
    if only_list and file:
        raise UsageError("give one of --list and --save", code="which-export")
    from ._images import export_images

    chosen = Profile(profile) if profile else None
    loaded = load_app(app, files)
    export_images(loaded, _FORMATS[target], chosen, file, force=force, as_json=as_json)
