"""``opea-pulumi schema``."""

from __future__ import annotations

import click

from ._output import json_option


@click.command(name="schema")
@json_option
def command(as_json: bool) -> None:  # noqa: ARG001 - it is JSON either way
    """Print the JSON Schema of the unified YAML, for editors: opea-pulumi schema > opea.schema.json.

    In VS Code: "yaml.schemas": {"./opea.schema.json": "opea.yaml"}.
    """
    from importlib.resources import files

    click.echo(files("opea_pulumi.application").joinpath("schema.json").read_text("utf-8"), nl=False)
