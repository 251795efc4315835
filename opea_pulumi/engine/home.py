"""Where this project keeps things on a machine: state and secrets (home), binaries (cache)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from opea_pulumi import home as places
from opea_pulumi.errors import EngineError

__all__ = ["Home"]

_PRIVATE = 0o700


@dataclass(frozen=True)
class Home:
    """Two folders: ``data`` (state, passphrase, stores, logs) and ``cache`` (engine binaries).

    ``data`` is OPEA_HOME, by default the user's data directory; ``cache`` is OPEA_CACHE,
    by default the user's cache directory. Both are absolute paths.
    """

    data: Path
    cache: Path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Home:
        """The folders that OPEA_HOME and OPEA_CACHE name, or the user's own."""
        environ = os.environ if environ is None else environ
        return cls(places.home(environ), places.cache(environ))

    @property
    def state(self) -> Path:
        """Folder of the embedded ``file://`` backend."""
        return self.data / "state"

    @property
    def passphrase_file(self) -> Path:
        """File (mode 0600) with the passphrase that encrypts the stacks' secrets."""
        return self.data / "passphrase"

    @property
    def engines(self) -> Path:
        """Folder of the installed engines, one folder a version."""
        return self.cache / "engine"

    def workspace(self, stack: str) -> Path:
        """Folder with the Pulumi.yaml and the configuration of one stack."""
        return self.data / "stacks" / stack

    def config(self, stack: str) -> dict[str, Any]:
        """A stack's configuration as its file has it (a secret is a mapping); empty when there is none."""
        file = self.workspace(stack) / f"Pulumi.{stack}.yaml"
        settings = (yaml.safe_load(file.read_text("utf-8")) or {}) if file.is_file() else {}
        return settings.get("config") or {}

    def prepare(self) -> None:
        """Create the state folder and the passphrase when they are missing.

        Raises EngineError ``home-not-writable`` naming the path.
        """
        self.make(self.state)
        self.make(self.data / "stacks")
        try:
            _write_once(self.passphrase_file, secrets.token_urlsafe(32))
        except OSError as error:
            raise _not_writable(self.passphrase_file, error, "OPEA_HOME") from error

    def make(self, folder: Path) -> Path:
        """Create ``folder`` (mode 0700, with its parents) and see that it takes files; returns it.

        Raises EngineError ``home-not-writable`` naming the path.
        """
        variable = "OPEA_HOME" if folder.is_relative_to(self.data) else "OPEA_CACHE"
        try:
            missing = [path for path in (folder, *folder.parents) if not path.exists()]
            for path in reversed(missing):
                path.mkdir(mode=_PRIVATE, exist_ok=True)
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise _not_writable(folder, error, variable) from error
        return folder


def _write_once(path: Path, text: str) -> None:
    """Write a private file unless it exists; a reader never sees it half written."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first: its passphrase stays
        except FileExistsError:
            return
    finally:
        draft.unlink()


def _not_writable(path: Path, error: OSError, variable: str) -> EngineError:
    return EngineError(
        f"cannot write to {path}: {error.strerror or error}",
        code="home-not-writable",
        hint=f"make it writable for you, or choose another folder: export {variable}=DIRECTORY",
    )
