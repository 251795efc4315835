"""``opea-pulumi catalog``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from opea_pulumi.terms import Hardware, Orchestrator, Profile

from ._output import json_option

_F = TypeVar("_F", bound=Callable[..., Any])

_WITH_VALUE = ("--release",)


class _ShowsByDefault(click.Group):
    """``catalog`` is ``catalog list``, ``catalog NAME`` is ``catalog show NAME``; flags may come first.

    What has a subcommand's name is shown with ``catalog show NAME`` or ``catalog -- NAME``.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = _first_name(args)
        if place is not None and args[place] in self.commands and "--" not in args[:place]:
            args = [args[place], *args[:place], *args[place + 1 :]]
        elif place is not None:
            args = ["show", *args]
        elif not set(args) & set(ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _first_name(args: list[str]) -> int | None:
    """Where the first word stands that is neither a flag nor a flag's value."""
    skip = False
    for index, word in enumerate(args):
        if skip:
            skip = False
        elif word == "--":
            return index + 1 if index + 1 < len(args) else None
        elif word in _WITH_VALUE:
            skip = True
        elif not word.startswith("-"):
            return index
    return None


def _choice(values: Iterable[str]) -> click.Choice[str]:
    return click.Choice([str(value) for value in values])


def _release_option(text: str) -> Callable[[_F], _F]:
    return click.option("--release", metavar="RELEASE", help=text)


@click.group(
    name="catalog",
    cls=_ShowsByDefault,
    subcommand_metavar="[NAME] [--release RELEASE] [--json] | COMMAND ...",
)
def command() -> None:
    """Show what the catalogue knows; with NAME everything of that.

    NAME is an application, a type of service, a model server, a store, a model or a release.
    """


@command.command(name="list")
@_release_option("Only this release.")
@json_option
def list_names(release: str | None, as_json: bool) -> None:
    """List the applications, and of each release what it has."""
    from ._catalog import show_list

    show_list(release, as_json)


@command.command()
@click.argument("name")
@_release_option("As this release has it (default: the newest one that has it).")
@json_option
def show(name: str, release: str | None, as_json: bool) -> None:
    """Show everything of NAME."""
    from ._catalog import show_name

    show_name(name, release, as_json)


@command.command()
@click.argument("app", required=False)
@_release_option("The images of this release; without APP all that it has.")
@click.option("--profile", type=_choice(Profile), help="Which services (default: opea).")
@click.option("--hardware", type=_choice(Hardware), help="What model servers run on.")
@click.option("--orchestrator", type=_choice(Orchestrator), help="Who runs the flow.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The lock file to bring up to date (default: opea.lock beside APP's file).",
)
@click.option(
    "--registry-insecure",
    "insecure",
    metavar="HOST",
    multiple=True,
    help="Ask this registry (host:port) by plain HTTP; may be repeated.",
)
@click.option("--prune", is_flag=True, help="Drop what the lock has of other images.")
@click.option("--strict", is_flag=True, help="Exit with 1 when a registry gives no answer, too.")
@json_option
def verify(
    app: str | None,
    release: str | None,
    profile: str | None,
    hardware: str | None,
    orchestrator: str | None,
    output: Path | None,
    insecure: tuple[str, ...],
    prune: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Ask the registries for the digests of APP's images and lock them.

    APP is this directory by default. Exit code 1 when a registry does not have or not give an image.
    Credentials are those of docker login. What the lock has of other hardware or orchestrators stays.
    """
    from ._verify import run

    choices = {
        "release": release,
        "profile": Profile(profile) if profile else None,
        "hardware": Hardware(hardware) if hardware else None,
        "orchestrator": Orchestrator(orchestrator) if orchestrator else None,
    }
    return run(app, choices, output, insecure, prune=prune, strict=strict, as_json=as_json)
