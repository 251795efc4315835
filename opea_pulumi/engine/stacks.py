"""Stacks of project ``opea``: list them, bring them up, look into them, take them down."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from opea_pulumi.engine import _shims
from opea_pulumi.engine.environment import environment, user_backend
from opea_pulumi.engine.find import Engine, Report
from opea_pulumi.engine.home import Home
from opea_pulumi.errors import EngineError
from opea_pulumi.terms import PROJECT

if TYPE_CHECKING:
    from opea_pulumi.engine._command import EngineCommand
    from opea_pulumi.engine.handle import StackHandle

__all__ = ["StackInfo", "Stacks"]

Program = Callable[[], Any]


@dataclass(frozen=True)
class StackInfo:
    """A stack as the backend lists it; ``last_update`` is ``None`` before the first one."""

    name: str
    resources: int
    last_update: datetime | None

    @property
    def deployed(self) -> bool:
        """Whether it holds any resource."""
        return self.resources > 0


class Stacks:
    """The stacks in the backend in use, whoever made them: this command or plain ``pulumi``.

    ``report`` gets lines about what is done beside the update (a lock that is removed);
    ``patience`` is how many seconds an update waits for another one of the same stack.
    """

    def __init__(
        self,
        engine: Engine,
        home: Home | None = None,
        *,
        report: Report = lambda _line: None,
        patience: float = 20.0,
    ) -> None:
        self.engine = engine
        self.home = home or Home.from_environment()
        self.report = report
        self.patience = patience
        self.env = environment(engine, self.home)
        self.backend = self.env.get("PULUMI_BACKEND_URL") or user_backend()

    def list(self) -> list[StackInfo]:
        """All stacks of the project, by name. Raises EngineError."""
        found = json.loads(self._run("stack", "ls", "--json", "--project", PROJECT) or "[]")
        return sorted((_info(entry) for entry in found), key=lambda info: info.name)

    def open(self, name: str, program: Program | None = None, *, create: bool = False) -> StackHandle:
        """The stack of this name, whose updates run ``program`` in this process.

        Raises EngineError ``stack-not-found`` unless it exists or ``create`` is set.
        """
        from opea_pulumi.engine.handle import StackHandle

        folder = self._workspace(name)
        try:
            return StackHandle(self, name, folder, program, create=create)
        except EngineError as error:
            # the folder was made for the question only; one with a configuration stays
            if error.code == "stack-not-found" and {path.name for path in folder.iterdir()} == {
                "Pulumi.yaml"
            }:
                shutil.rmtree(folder)
            raise

    def remove(self, name: str) -> None:
        """Forget a stack that holds no resource, with its configuration. Raises EngineError."""
        folder = self._workspace(name)
        self._run("stack", "rm", "--yes", "--stack", name, cwd=folder, stack=name)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    def _workspace(self, name: str) -> Path:
        """The stack's folder with its Pulumi.yaml, which names our provider for this interpreter."""
        folder = self.home.make(self.home.workspace(name))
        provider = {"name": "opea", "path": str(_shims.provider_folder(self.home))}
        project = {"name": PROJECT, "runtime": "python", "plugins": {"providers": [provider]}}
        text = yaml.safe_dump(project, sort_keys=False)
        target = folder / "Pulumi.yaml"
        if not target.exists() or target.read_text() != text:
            target.write_text(text)
        return folder

    def command(self) -> EngineCommand:
        """A command of its own for each handle, since one can be cancelled."""
        from opea_pulumi.engine._command import EngineCommand

        return EngineCommand(self.engine)

    def _run(self, *arguments: str, cwd: Path | None = None, stack: str = "") -> str:
        from pulumi.automation.errors import CommandError

        from opea_pulumi.engine._failures import command_failed

        try:
            result = self.command().run(
                list(arguments), str(cwd or self.home.make(self.home.data / "stacks")), self.env
            )
        except CommandError as error:
            raise command_failed(error, stack) from None
        return str(result.stdout)


def _info(entry: dict[str, Any]) -> StackInfo:
    updated = entry.get("lastUpdate")
    name = str(entry["name"]).rpartition("/")[2]
    return StackInfo(
        name, int(entry.get("resourceCount") or 0), datetime.fromisoformat(updated) if updated else None
    )
