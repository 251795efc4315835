"""Every error this project raises on purpose.

.. code-block:: text

    OpeaError
     ├── UsageError           the command line does not say what to do (exit 2)
     ├── ApplicationError     the unified YAML or the Python interface is wrong
     ├── FlowError            a graph (GMConnector JSON) is wrong
     ├── CatalogError         the catalogue lacks something or a data file is wrong
     ├── BlueprintError       application, catalogue and hardware do not fit together
     ├── PreflightError       the machine or cluster lacks something a target needs
     ├── EngineError          the Pulumi engine is missing or an update failed
     └── OperationError       a running application did not do what was asked

An error is data: ``code`` (kebab-case, stable), ``message``, ``location`` and ``hint``.
``str(error)`` is what one screen shows; secrets must never be put in any of its parts (:func:`shown`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = [
    "HIDDEN",
    "ApplicationError",
    "BlueprintError",
    "CatalogError",
    "EngineError",
    "FlowError",
    "Location",
    "OpeaError",
    "OperationError",
    "PreflightError",
    "UsageError",
    "shown",
]

HIDDEN = "***"
"""What stands in a message for a value that may be a secret."""

_NAME = re.compile(
    r"[A-Za-z]{1,20}(?:[-_./ ][A-Za-z]{1,20}){0,5}(?:[-_.]?[0-9]{1,2}){0,3}"  # web-retriever, llm-2
    r"|v?[0-9]{1,3}(?:\.[0-9]{1,3}){0,3}"  # 1.5
)
_KEY_PREFIX = re.compile(r"(?:sk|pk|hf|gh[a-z]|github|glpat|xox[a-z]|nvapi|pul)[-_]", re.IGNORECASE)


def shown(value: str) -> str:
    """A name from the user's input, in quotes, for a message; ``'***'`` unless it reads as a plain name.

    A key or a password may stand where a name belongs by mistake; the error's place says where to look.
    """
    plain = len(value) <= 40 and _NAME.fullmatch(value) and not _KEY_PREFIX.match(value)
    return f"'{value if plain else HIDDEN}'"


@dataclass(frozen=True)
class Location:
    """Where in the user's input an error is.

    ``line`` and ``column`` count from 1; ``path`` is the key path, such as
    ``opea_micro_services.llm.port``. What is not known is ``None`` or empty.
    """

    file: str = ""
    line: int | None = None
    column: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        if place and self.path:
            return f"{place} ({self.path})"
        return place or self.path


class OpeaError(Exception):
    """Base of all errors that this project raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, *, code: str, location: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.location = location
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location and str(self.location) else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.message} [{self.code}]{hint}"

    def to_dict(self) -> dict[str, object]:
        """The error as plain data, for ``--json`` output."""
        where = self.location or Location()
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "file": where.file,
            "line": where.line,
            "column": where.column,
            "path": where.path,
        }


class UsageError(OpeaError):
    """The command line does not say what to do."""

    exit_code = 2


class ApplicationError(OpeaError):
    """The unified YAML or the Python interface describes no valid application.

    ``also`` holds further mistakes that were found together with this one.
    """

    also: tuple[ApplicationError, ...] = ()

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(str(error) for error in self.also)])

    def to_dict(self) -> dict[str, object]:
        """The error as plain data; ``also`` lists the others."""
        return {**super().to_dict(), "also": [error.to_dict() for error in self.also]}


class FlowError(OpeaError):
    """A graph (GMConnector JSON) is not valid."""


class CatalogError(OpeaError):
    """The catalogue lacks something, or one of its data files is wrong."""


class BlueprintError(OpeaError):
    """Application, catalogue and hardware do not fit together."""


class PreflightError(OpeaError):
    """The machine or cluster lacks something that a target needs."""


class EngineError(OpeaError):
    """The Pulumi engine is missing, or an update failed."""


class OperationError(OpeaError):
    """A running application did not do what was asked of it."""
