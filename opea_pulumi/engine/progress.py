"""Turns the engine's events into rows, diagnostics and a summary that a command can draw.

Works on ``pulumi.automation.EngineEvent`` objects by their attributes and imports nothing of
Pulumi; the clock is a parameter, so that recorded events can be replayed in tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opea_pulumi.engine._text import plain

__all__ = ["Progress", "Row", "Summary", "said"]

State = Literal["running", "done", "failed"]

_SHOWN_AS = {
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard-replaced": "replace",
    "read-replacement": "read",
    "import-replacement": "import",
    "remove-pending-replace": "replace",
}


@dataclass
class Row:
    """One resource: its URN, name, type, what is done to it, and since when (clock seconds)."""

    urn: str
    operation: str
    started: float
    state: State = "running"
    ended: float | None = None

    @property
    def name(self) -> str:
        """The resource's name, the last part of its URN."""
        return self.urn.rpartition("::")[2]

    @property
    def type(self) -> str:
        """The resource's own type, such as ``opea:index:Process``."""
        return self.urn.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2]

    def elapsed(self, now: float) -> float:
        """Seconds from the start to the end, or to ``now`` while it runs."""
        return (now if self.ended is None else self.ended) - self.started


@dataclass(frozen=True)
class Summary:
    """The end of an update: how many resources met each operation, and its seconds."""

    changes: Mapping[str, int]
    seconds: int

    @property
    def changed(self) -> int:
        """How many resources are not as they were."""
        return sum(count for operation, count in self.changes.items() if operation not in {"same", "read"})


@dataclass
class Progress:
    """What an update has done so far; ``feed`` it every event."""

    clock: Callable[[], float] = time.monotonic
    rows: dict[str, Row] = field(default_factory=dict)
    diagnostics: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """By URN (empty: of no resource): ``(severity, text)``, severity error, warning or info."""
    summary: Summary | None = None
    said: str = ""
    """The last thing that the program said."""

    def feed(self, event: Any) -> Row | None:
        """Take one event; returns the row that changed, if one did."""
        if event.resource_pre_event:
            return self._begin(event.resource_pre_event.metadata)
        if event.res_outputs_event:
            return self._finish(event.res_outputs_event.metadata, "done")
        if event.res_op_failed_event:
            return self._finish(event.res_op_failed_event.metadata, "failed")
        if event.diagnostic_event:
            self.said = said(event) or self.said
            self._diagnose(event.diagnostic_event)
        elif event.summary_event:
            changes = {_text(key): count for key, count in event.summary_event.resource_changes.items()}
            self.summary = Summary(changes, event.summary_event.duration_seconds)
        return None

    def errors(self) -> list[tuple[str, str]]:
        """``(urn, text)`` of every error, in the order in which they came."""
        return [
            (urn, text)
            for urn, entries in self.diagnostics.items()
            for severity, text in entries
            if severity == "error"
        ]

    def _begin(self, step: Any) -> Row | None:
        if _unseen(step):
            return None
        operation = _operation(step)
        row = self.rows.get(step.urn)
        if row is None or row.state != "running":
            row = self.rows[step.urn] = Row(step.urn, operation, self.clock())
        return row

    def _finish(self, step: Any, state: State) -> Row | None:
        if _unseen(step):
            return None
        row = self.rows.get(step.urn)
        if row is None:
            row = self.rows[step.urn] = Row(step.urn, _operation(step), self.clock())
        row.state = state
        row.ended = self.clock()
        return row

    def _diagnose(self, event: Any) -> None:
        text = plain(event.message)
        if event.ephemeral or event.severity == "debug" or not text:
            return
        severity = event.severity if event.severity in {"error", "warning"} else "info"
        entry = (severity, text)
        entries = self.diagnostics.setdefault(event.urn or "", [])
        if entry not in entries:
            entries.append(entry)


def said(event: Any) -> str:
    """What the program itself says in an event, such as which image is pulled; empty if it says nothing."""
    told = event.diagnostic_event
    if not told or told.severity != "info" or (told.urn and "::pulumi:pulumi:Stack::" not in told.urn):
        return ""
    return plain(told.message)


def _unseen(step: Any) -> bool:
    """Whether this is a default provider, which nobody asked for (the CLI hides them as well)."""
    return "::pulumi:providers:" in step.urn and "::default" in step.urn


def _operation(step: Any) -> str:
    operation = _text(step.op)
    return _SHOWN_AS.get(operation, operation)


def _text(operation: object) -> str:
    return str(getattr(operation, "value", operation))
