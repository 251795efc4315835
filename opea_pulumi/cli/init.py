"""``opea-pulumi init``."""

from __future__ import annotations

from pathlib import Path

import click

from opea_pulumi.errors import Location, UsageError

from ._output import json_option, write_file, write_json


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
    from opea_pulumi.catalog import application_files, application_text

    beside = {output.parent / path: text for path, text in application_files(name).items()}
    texts = {output: application_text(name), **beside}
    for file in texts:
        if file.exists() and not force:
            place = Location(str(file))
            raise UsageError(
                "the file exists", code="file-exists", location=place, hint="--force overwrites it"
            )
    for file, text in texts.items():
        write_file(file, text)
    if as_json:
        files = [str(file) for file in beside]
        write_json({"application": name, "path": str(output), "files": files})
    else:
        also = f" and {len(beside)} files of its own" if beside else ""
        click.echo(f"wrote {output}{also}; next: opea-pulumi up {output}, or convert {output} --to compose")
