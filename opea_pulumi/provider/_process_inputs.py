"""The inputs of ``opea:index:Process``: their table, their plain form, and what a change of one means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from opea_pulumi.provider._fields import Field, absolute_path, seconds, text, text_map, texts, whole
from opea_pulumi.provider._groups import MARKER
from opea_pulumi.provider._values import Properties, plain_map

PORT_TOKEN = "{port}"  # noqa: S105 - no password
DEFAULT_START_TIMEOUT, DEFAULT_STOP_TIMEOUT = 60, 10
DEFAULT_LOG_MAX_BYTES, DEFAULT_LOG_BACKUPS = 10 * 2**20, 3

RESTARTS = ("command", "environment", "workingDirectory", "port", "triggers")
"""A change of one of these restarts the process, of ``directory`` replaces it, of others is only noted."""


def _environment_name(name: str) -> str:
    if not re.fullmatch(r"[^=\0]+", name):
        return "is not a name of an environment variable"
    return f"{MARKER} is set by this provider" if name == MARKER else ""


def _health_path(path: str) -> str:
    return "" if re.fullmatch(r"/[!-~]*", path) else "must begin with / and hold no spaces"


_path = text(absolute_path)
_port = whole(1, 65_535)

FIELDS: Mapping[str, Field] = {
    "command": Field(texts, required=True),
    "directory": Field(_path, required=True),
    "environment": Field(text_map(_environment_name)),
    "workingDirectory": Field(_path),
    "port": Field(_port),
    "preferredPort": Field(_port),
    "healthPath": Field(text(_health_path)),
    "startTimeout": Field(seconds(), default=DEFAULT_START_TIMEOUT),
    "stopTimeout": Field(seconds(), default=DEFAULT_STOP_TIMEOUT),
    "logMaxBytes": Field(whole(1024, 2**40), default=DEFAULT_LOG_MAX_BYTES),
    "logBackups": Field(whole(0, 1000), default=DEFAULT_LOG_BACKUPS),
    "triggers": Field(text_map()),
}


@dataclass(frozen=True)
class ProcessInputs:
    """The checked inputs of one process, plain. Its repr shows no value of the environment."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(repr=False)
    working_directory: Path | None
    port: int | None
    start_timeout: float
    stop_timeout: float
    health_path: str | None
    log_max_bytes: int
    log_backups: int
    triggers: Mapping[str, str] = field(repr=False)
    recorded: Mapping[str, Any] = field(repr=False)
    """What ``process.json`` may hold: no environment and no secret."""

    @classmethod
    def of(cls, properties: Properties) -> Self:
        """The inputs among ``properties``, all known."""
        values = plain_map(properties)
        working_directory = values.get("workingDirectory")
        return cls(
            command=tuple(values["command"]),
            directory=Path(values["directory"]),
            environment=values.get("environment", {}),
            working_directory=Path(working_directory) if working_directory else None,
            port=values.get("port"),
            start_timeout=values.get("startTimeout", DEFAULT_START_TIMEOUT),
            stop_timeout=values.get("stopTimeout", DEFAULT_STOP_TIMEOUT),
            log_max_bytes=values.get("logMaxBytes", DEFAULT_LOG_MAX_BYTES),
            log_backups=values.get("logBackups", DEFAULT_LOG_BACKUPS),
            health_path=values.get("healthPath"),
            triggers=values.get("triggers", {}),
            recorded=_recorded(properties, values),
        )

    def arguments(self) -> list[str]:
        """The command with its port put in."""
        return [part.replace(PORT_TOKEN, str(self.port)) for part in self.command]

    def identity(self) -> dict[str, Any]:
        """What makes two processes the same one, for the salted digest."""
        return {
            "command": self.arguments(),
            "environment": dict(self.environment),
            "workingDirectory": str(self.working_directory or ""),
            "port": self.port,
            "triggers": dict(self.triggers),
        }


def _recorded(properties: Properties, values: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in values.items() if name in FIELDS and name != "environment"}
    return {name: value for name, value in shown.items() if not properties[name].contains_secret()}


def needs_port(values: Mapping[str, Any]) -> bool:
    """Whether the plain inputs ask for a port."""
    command = [part for part in values.get("command", ()) if isinstance(part, str)]
    return "preferredPort" in values or any(PORT_TOKEN in part for part in command)
