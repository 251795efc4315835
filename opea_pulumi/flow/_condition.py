"""Conditions of steps: ``path`` (something is there) or ``path==value``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from opea_pulumi.errors import FlowError, Location

from ._path import MISSING, Path, parse_path, plain, text_of, unquote


@dataclass(frozen=True)
class Condition:
    """A parsed condition; without ``wanted`` it asks only whether the path leads anywhere."""

    path: Path
    wanted: str | None = None

    def holds(self, document: Any) -> bool:
        """Whether a JSON document meets it; one of another shape just does not."""
        found = self.path.find(document)
        if self.wanted is None:
            return found is not MISSING
        return found is not MISSING and text_of(found) == self.wanted


def parse_condition(text: str, place: str = "") -> Condition:
    """Parse ``path`` or ``path==value``; the value may have dots, and may stand in quotes.

    Args:
        place: where it stands in the graph, for the error.

    Raises:
        FlowError: neither, or a form of gjson the router does not have.
    """
    try:
        at = next((index for index in plain(text) if text.startswith("==", index)), None)
        if at is None:
            return Condition(parse_path(text.strip()))
        wanted = text[at + 2 :].strip()
        if not wanted:
            raise ValueError('nothing stands behind ==; an empty text is ""')
        return Condition(parse_path(text[:at].strip()), unquote(wanted))
    except ValueError as error:
        raise FlowError(
            f"the condition can't be read: {error}",
            code="bad-condition",
            location=Location(path=place),
            hint='write path or path==value, such as model==large or steps.#(id=="1")',
        ) from None
