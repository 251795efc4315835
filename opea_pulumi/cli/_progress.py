"""The progress of an update: a live table on a terminal, else a line for each resource that ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from rich.table import Table

    from opea_pulumi.engine.progress import Progress, Row

_WORDS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "read": "read",
}
_QUIET = {"same", "read", "refresh"}
"""Operations that change nothing: they are shown while they run, on a terminal."""
_STYLES = {"running": "yellow", "done": "green", "failed": "bold red"}
_WIDTH = 100
_HIDDEN = ("pulumi:pulumi:Stack", "pulumi:providers:")


class View(Protocol):
    """Takes the engine's events."""

    def __call__(self, event: Any) -> object:
        """Show what one event changes."""
        ...


@contextmanager
def progress_view(*, quiet: bool = False, preview: bool = False) -> Iterator[View]:
    """A view of one update; nothing is shown when ``quiet``."""
    from opea_pulumi.engine.progress import Progress

    progress = Progress()
    if quiet:
        yield progress.feed
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _live(progress) as view:
            yield view
    else:
        yield _plain(progress, preview=preview)


def _plain(progress: Progress, *, preview: bool) -> View:
    from opea_pulumi.engine.progress import said

    def view(event: Any) -> None:
        row = progress.feed(event)
        if text := said(event):
            click.echo(f"  {text}", err=True)
        if row is None or row.state == "running" or row.operation in _QUIET or _is_hidden(row):
            return
        click.echo(_line(row, preview=preview), err=True)

    return view


def _is_hidden(row: Row) -> bool:
    return row.type.startswith(_HIDDEN)


def _line(row: Row, *, preview: bool) -> str:
    if row.state == "failed":
        return f"  failed    {row.name} ({row.type})"
    if preview:
        return f"  to {row.operation:9} {row.name} ({row.type})"
    word = _WORDS.get(row.operation, row.operation)
    return f"  {word:9} {row.name} ({row.type}) {row.elapsed(time.monotonic()):.1f}s"


@contextmanager
def _live(progress: Progress) -> Iterator[View]:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    with Live(
        console=console, refresh_per_second=8, get_renderable=lambda: _table(progress, time.monotonic())
    ):
        yield progress.feed


def _table(progress: Progress, now: float) -> Table:
    from rich.table import Table
    from rich.text import Text

    caption = Text(progress.said[-_WIDTH:]) if progress.said else None
    shown = Table(box=None, pad_edge=False, header_style="bold", caption=caption, caption_justify="left")
    for heading in ("resource", "type", "operation", "state", "elapsed"):
        shown.add_column(heading)
    for row in list(progress.rows.values()):
        if _is_hidden(row) or (row.operation in _QUIET and row.state == "done"):
            continue
        state = Text(row.state, style=_STYLES[row.state])
        elapsed = f"{row.elapsed(now):.1f}s"
        shown.add_row(Text(row.name), Text(row.type), row.operation, state, elapsed)
    shown.show_header = shown.row_count > 0
    return shown
