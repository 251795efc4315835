"""Printing: data as JSON or as a table, progress as a live view or as plain lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from opea_pulumi.errors import Location, UsageError

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(function: _F) -> _F:
    """``--json``: the command's data as one JSON document on stdout."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def write_json(data: object) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def note(message: str) -> None:
    """Say something beside the data: on stderr."""
    click.echo(message, err=True)


def write_file(path: Path, text: str) -> None:
    """Write a file, and the folders to it.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise UsageError(message, code="not-writable", location=Location(str(path))) from None


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; colours only where a terminal shows them."""
    lines = [tuple(headings), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for index, line in enumerate(lines):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.secho("  ".join(cells).rstrip(), bold=index == 0)
