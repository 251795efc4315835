"""The command's root: lazy subcommands, and one place that turns errors into exit codes.

Exit codes: 0, 1 (a clear error), 2 (usage), 130 (Ctrl-C).
"""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

import opea_pulumi
from opea_pulumi.errors import OpeaError, UsageError

_COMMANDS = {
    "up": "deploy an application, or bring a deployed one up to date",
    "preview": "show what up would do; changes nothing",
    "destroy": "delete what a stack deployed",
    "refresh": "bring a stack's state in line with what really runs",
    "outputs": "show a stack's outputs, such as its URL",
    "status": "show what each workload is doing",
    "logs": "show a workload's log",
    "ingest": "give documents to a running application",
    "ask": "ask a running application a question",
    "test": "send a made-up fact through every hop and name the one that loses it",
    "doctor": "look at what a target needs, and at what a stack runs",
    "validate": "check an application without deploying it",
    "convert": "to Docker compose, a GMConnector, Kubernetes or KServe; and back",
    "config": "show what files, configuration and flags come to, and what set each value",
    "schema": "print the JSON Schema of opea.yaml, for editors",
    "init": "write a commented opea.yaml",
    "catalog": "show what the catalogue knows; verify an application's images and lock them",
    "images": "build, push, load and list this project's own container images",
    "export-images": "list the images that an application needs, or save them for another host",
    "engine": "find, install or describe the Pulumi engine",
}
"""Every command and its help line; the module of the same name, with underscores, holds it."""

_OBJECTS = 100_000
"""New objects between two searches for garbage; with Python's 700 a short command does little else for
a tenth of its time."""


class _LazyGroup(click.Group):
    """Lists its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"opea_pulumi.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(opea_pulumi.__version__, prog_name="opea-pulumi")
def cli() -> None:
    """Deploy OPEA applications from one YAML.

    APP is a folder with opea.yaml, a file, or the name of an application of the catalogue.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    gc.set_threshold(_OBJECTS)
    code = run(arguments)
    gc.freeze()  # the process ends: nothing is left to search
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors are printed, never raised."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result: Any = cli.main(words, prog_name="opea-pulumi", standalone_mode=False)
    except click.ClickException as error:
        _show_json(UsageError(error.format_message(), code="usage"), words)
        error.show()
        return error.exit_code
    except OpeaError as error:
        _show_json(error, words)
        click.secho("error: ", fg="red", nl=False, err=True)
        click.echo(str(error), err=True)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        # Click makes an Abort of a KeyboardInterrupt, whose text may say how to go on
        message = str(error.__cause__ or error) or "cancelled"
        _show_json(OpeaError(message, code="cancelled"), words)
        click.echo(message, err=True)
        return 130
    return result if isinstance(result, int) else 0


def _show_json(error: OpeaError, words: Sequence[str]) -> None:
    """With ``--json`` an error is data, too; a command line that Click refused has no parsed flags."""
    if "--json" in itertools.takewhile(lambda word: word != "--", words):
        from ._output import write_json

        write_json({"error": error.to_dict()})
