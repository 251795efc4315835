"""``opea-pulumi init``."""

from __future__ import annotations

from pathlib import Path

import click

from opea_pulumi.errors import Location, UsageError

from ._output import json_option, write_json


@click.command(name="init")
@click.argument("name", default="chatqna")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("opea.yaml"),
    show_default=True,
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
@json_option
def command(name: str, output: Path, force: bool, as_json: bool) -> None:
    """Write a commented opea.yaml for the application NAME of the catalogue (default: chatqna)."""
    from opea_pulumi.catalog import application_text

    text = application_text(name)
    if output.exists() and not force:
        place = Location(str(output))
        raise UsageError("the file exists", code="file-exists", location=place, hint="--force overwrites it")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, "utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise UsageError(message, code="not-writable", location=Location(str(output))) from None
    if as_json:
        write_json({"application": name, "path": str(output)})
    else:
        click.echo(f"wrote {output}; next: opea-pulumi up {output}")
