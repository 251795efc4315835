"""``opea-pulumi convert``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from opea_pulumi.errors import Location, OperationError, UsageError
from opea_pulumi.terms import Hardware, Orchestrator, Profile

from ._app import files_option, load_app
from ._output import note, write_file

if TYPE_CHECKING:
    from opea_pulumi.convert import Conversion, Loss


def _choice(values: Iterable[str]) -> click.Choice[str]:
    return click.Choice([str(value) for value in values])


@click.command(name="convert")
@click.argument("app", required=False)
@files_option
@click.option("--to", type=_choice(["compose", "gmc", "kubernetes", "kserve"]), help="The format to write.")
@click.option("--from", "source", type=_choice(["gmc", "compose"]), help="Read APP, a file, in this format.")
@click.option(
    "--dialect", type=_choice(["v1.1", "rfc"]), help="gmc: the words of its config (default: v1.1)."
)
@click.option("--hardware", type=_choice(Hardware), help="What model servers run on.")
@click.option("--release", metavar="RELEASE", help="The OPEA release, such as 1.5.")
@click.option("--profile", type=_choice(Profile), help="Which services (default: opea).")
@click.option("--orchestrator", type=_choice(Orchestrator), help="Who runs the flow.")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="The file to write (default: stdout).")
@click.option("--strict", is_flag=True, help="What the format cannot hold is an error.")
def command(
    app: str | None,
    files: tuple[str, ...],
    to: str | None,
    source: str | None,
    dialect: str | None,
    hardware: str | None,
    release: str | None,
    profile: str | None,
    orchestrator: str | None,
    output: Path | None,
    strict: bool,
) -> None:
    """Convert APP (default: this directory) to another format, or from one to the unified YAML.

    What the format cannot hold is listed on stderr.
    """
    if bool(to) == bool(source):
        raise UsageError("give one of --to and --from", code="which-format")
    if dialect and to != "gmc":
        raise UsageError("--dialect goes with --to gmc", code="which-format")
    if source:
        text, losses = _read(app, source)
    else:
        result = _convert(app, files, to or "", dialect, hardware, release, profile, orchestrator)
        text, losses = result.text, result.losses
    for loss in losses:
        note(f"lost: {loss}")
    if strict and losses:
        message = f"{to or source} cannot hold {len(losses)} things of the application"
        raise OperationError(message, code="lossy", hint="leave out --strict to convert the rest")
    _write(text, output)


def _convert(
    app: str | None,
    files: tuple[str, ...],
    to: str,
    dialect: str | None,
    hardware: str | None,
    release: str | None,
    profile: str | None,
    orchestrator: str | None,
) -> Conversion:
    from opea_pulumi.convert import blueprint_for, convert

    loaded = load_app(app, files)
    with loaded.locating():
        blueprint = blueprint_for(
            loaded.application,
            to,
            name=loaded.name,
            hardware=Hardware(hardware) if hardware else None,
            release=release,
            profile=Profile(profile) if profile else None,
            orchestrator=Orchestrator(orchestrator) if orchestrator else None,
            files=loaded.files,
            digests=loaded.digests,
        )
        options: dict[str, Any] = {"dialect": dialect} if dialect else {}
        return convert(blueprint, to, application=loaded.application, **options)


def _read(app: str | None, source: str) -> tuple[str, tuple[Loss, ...]]:
    from opea_pulumi.application import dump_application
    from opea_pulumi.convert import read

    if app is None:
        raise UsageError("--from needs a file", code="which-file", hint="name the file to read")
    try:
        text = Path(app).read_text("utf-8")
    except (OSError, UnicodeError, ValueError) as error:
        message = f"cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}"
        raise UsageError(message, code="not-readable", location=Location(app)) from None
    application, losses = read(text, source, file=app)
    return dump_application(application), losses


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    write_file(output, text)
    note(f"wrote {output}")
