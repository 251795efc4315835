"""One stack: its updates, its configuration and what it holds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pulumi.automation import EngineEvent, LocalWorkspace, Stack
from pulumi.automation.errors import CommandError

from opea_pulumi.engine._command import Interrupted
from opea_pulumi.engine._failures import command_failed, update_failed
from opea_pulumi.engine._inline import InlineProgram
from opea_pulumi.engine._recover import unlock, without_pending
from opea_pulumi.engine._text import redact
from opea_pulumi.engine.progress import Progress, Summary
from opea_pulumi.engine.stacks import Program
from opea_pulumi.errors import EngineError, OpeaError
from opea_pulumi.terms import PROJECT

if TYPE_CHECKING:
    from opea_pulumi.engine.stacks import Stacks

__all__ = ["Resource", "StackHandle"]

OnEvent = Callable[[EngineEvent], object]
_T = TypeVar("_T")

_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105  marks a special value in a state
_HIDDEN = "[secret]"
_GO_ON = {
    "up": "go on with: opea-pulumi up; or take it down with: opea-pulumi destroy",
    "destroy": "go on with: opea-pulumi destroy",
}


@dataclass(frozen=True)
class Resource:
    """A resource in the stack's state; outputs that are secret read ``[secret]``."""

    urn: str
    type: str
    id: str
    outputs: dict[str, Any]

    @property
    def name(self) -> str:
        """The last part of its URN."""
        return self.urn.rpartition("::")[2]


class StackHandle:
    """A stack and what can be done with it; made by ``Stacks.open``.

    The methods run in the calling thread. A Ctrl-C while one runs cancels the engine, waits until
    it has saved its state, then raises Interrupted (a KeyboardInterrupt that says how to go on).
    """

    def __init__(
        self, stacks: Stacks, name: str, folder: Path, program: Program | None, *, create: bool
    ) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / "last-up.log"
        """File (mode 0600) with the whole output of the last update."""
        self._stacks = stacks
        self._known: list[Resource] | None = None
        self._program = InlineProgram(program or self._no_program)
        self._command = stacks.command()
        workspace = LocalWorkspace(
            work_dir=str(folder), env_vars=stacks.env, pulumi_command=self._command, program=self._program
        )
        open_stack = Stack.create_or_select if create else Stack.select
        self._stack = self._tell(lambda: open_stack(name, workspace))

    def up(self, on_event: OnEvent | None = None, *, refresh: bool = False) -> Summary:
        """Create and update the stack's resources; ``refresh`` reads their real state first.

        Raises EngineError ``up-failed``, ``stack-locked``; an OpeaError of the program as it is;
        Interrupted.
        """
        return self._update("up", on_event, lambda **how: self._stack.up(refresh=refresh or None, **how))

    def preview(self, on_event: OnEvent | None = None, *, refresh: bool = False) -> Summary:
        """What ``up`` would do; changes nothing. Raises as ``up`` does."""
        return self._update(
            "preview", on_event, lambda **how: self._stack.preview(refresh=refresh or None, **how)
        )

    def refresh(self, on_event: OnEvent | None = None) -> Summary:
        """Bring the state in line with what is really there. Raises as ``up`` does."""
        return self._update("refresh", on_event, self._stack.refresh)

    def destroy(self, on_event: OnEvent | None = None) -> Summary:
        """Delete the stack's resources; the stack stays, empty. Raises as ``up`` does."""
        return self._update("destroy", on_event, self._stack.destroy)

    def retain(self, urns: Collection[str]) -> None:
        """Let ``destroy`` forget these resources instead of deleting them. Raises EngineError."""
        if not urns:
            return
        state = json.loads(self._run("stack", "export"))
        for entry in state["deployment"].get("resources") or ():
            if entry["urn"] in urns:
                entry["retainOnDelete"] = True
        self._run("stack", "import", "--force", stdin=json.dumps(state))

    def cancel(self) -> None:
        """From another thread: end the running update; once gracefully, again at once."""
        self._command.cancel()

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones read ``[secret]`` unless asked for. Raises EngineError."""
        if show_secrets:
            found = json.loads(self._run("stack", "output", "--json", "--show-secrets") or "{}")
            return dict(found)
        roots = [resource for resource in self.resources() if resource.type == "pulumi:pulumi:Stack"]
        return roots[0].outputs if roots else {}

    def resources(self) -> list[Resource]:
        """What the stack holds, from its state (read once between two updates). Raises EngineError."""
        if self._known is None:
            deployment = json.loads(self._run("stack", "export")).get("deployment") or {}
            self._known = [_resource(entry) for entry in deployment.get("resources") or []]
        return list(self._known)

    def config(self) -> dict[str, str]:
        """The stack's configuration, without the values of secrets."""
        values = self._settings().get("config") or {}
        return {
            key: _HIDDEN if isinstance(value, dict) and "secure" in value else str(value)
            for key, value in values.items()
        }

    def set_config(self, key: str, value: str, *, secret: bool = False) -> None:
        """Set ``opea:key`` (or ``namespace:key``); a secret is encrypted with the passphrase.

        The value goes through a pipe, never through an argument. Raises EngineError.
        """
        full = key if ":" in key else f"opea:{key}"
        if not secret and (self._settings().get("config") or {}).get(full) == value:
            return
        self._run("config", "set", full, "--secret" if secret else "--plaintext", stdin=value)

    def remove_config(self, key: str) -> None:
        """Take a key out of the configuration, if it is there. Raises EngineError."""
        self._run("config", "rm", key if ":" in key else f"opea:{key}")

    def _settings(self) -> dict[str, Any]:
        file = self.folder / f"Pulumi.{self.name}.yaml"
        return (yaml.safe_load(file.read_text()) or {}) if file.exists() else {}

    def _no_program(self) -> None:
        raise EngineError(f"stack {self.name} was opened without a program", code="no-program")

    def _update(self, operation: str, on_event: OnEvent | None, call: Callable[..., object]) -> Summary:
        """Run one update with its log, its events and its errors."""
        self._known = None
        if operation != "preview":
            self._recover()
        progress = Progress()
        self._program.error = None

        def feed(event: EngineEvent) -> None:
            progress.feed(event)
            if on_event:
                on_event(event)

        self.log = self.folder / f"last-{operation}.log"
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as log:
            try:
                call(on_event=feed, on_output=lambda line: log.write(line + "\n"), color="never")
            except Interrupted:
                raise Interrupted(self._interrupted(operation)) from None
            except CommandError as error:
                log.flush()
                raise self._failed(error, operation, progress) from None
            finally:
                self._known = None
                self._program.end()
        return progress.summary or Summary({}, 0)

    def _failed(self, error: CommandError, operation: str, progress: Progress) -> OpeaError:
        if isinstance(self._program.error, OpeaError):
            return self._program.error
        secrets = self._secrets()
        self.log.write_text(redact(self.log.read_text(), secrets))
        return update_failed(error, operation, progress, str(self.log), secrets)

    def _interrupted(self, operation: str) -> str:
        return f"{operation} of {self.name} was cancelled; what was done is recorded; " + _GO_ON.get(
            operation, f"go on with: opea-pulumi {operation}"
        )

    def _recover(self) -> None:
        """Clear up what a killed update left, so that this one can begin."""
        unlock(self._stacks.backend, PROJECT, self.name, self._stacks.report, self._stacks.patience)
        state, pending = without_pending(self._run("stack", "export"))
        if pending:
            names = ", ".join(urn.rpartition("::")[2] for urn in pending)
            self._stacks.report(f"an earlier update was killed while it worked on: {names}; doing that again")
            self._run("stack", "import", "--force", stdin=state)

    def _secrets(self) -> list[str]:
        """The values of the configuration's secrets, to keep them out of messages."""
        try:
            values = json.loads(self._run("config", "--show-secrets", "--json"))
        except (EngineError, ValueError):
            return []
        return [str(entry.get("value", "")) for entry in values.values() if entry.get("secret")]

    def _run(self, *arguments: str, stdin: str | None = None) -> str:
        full = [*arguments, "--stack", self.name]
        result = self._tell(lambda: self._command.run(full, str(self.folder), self._stacks.env, stdin=stdin))
        return str(result.stdout)

    def _tell(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except CommandError as error:
            raise command_failed(error, self.name) from None


def _resource(entry: dict[str, Any]) -> Resource:
    outputs = {key: _visible(value) for key, value in (entry.get("outputs") or {}).items()}
    return Resource(entry["urn"], entry["type"], entry.get("id") or "", outputs)


def _visible(value: Any) -> Any:
    if isinstance(value, dict):
        if _SECRET in value and "ciphertext" in value:
            return _HIDDEN
        return {key: _visible(inner) for key, inner in value.items()}
    return [_visible(inner) for inner in value] if isinstance(value, list) else value
