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
``str(error)`` is what one screen shows; secrets must never be put in any of its parts.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
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
]


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
