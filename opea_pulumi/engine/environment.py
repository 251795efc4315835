"""The environment that the engine runs in: its state and passphrase, unless the user has set theirs."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from opea_pulumi.engine import _shims
from opea_pulumi.engine.find import Engine
from opea_pulumi.engine.home import Home

__all__ = ["environment", "shell_lines", "user_backend"]


def user_backend(environ: Mapping[str, str] | None = None) -> str:
    """The backend that the user has set or logged in to; empty when the embedded one is used."""
    environ = os.environ if environ is None else environ
    if environ.get("PULUMI_BACKEND_URL"):
        return environ["PULUMI_BACKEND_URL"]
    if environ.get("PULUMI_ACCESS_TOKEN"):
        return "https://api.pulumi.com"
    folder = environ.get("PULUMI_HOME") or Path(environ.get("HOME", "~"), ".pulumi").expanduser()
    try:
        login = json.loads(Path(folder, "credentials.json").read_text())
    except (OSError, ValueError):
        return ""
    current = login.get("current") if isinstance(login, dict) else None
    return current if isinstance(current, str) else ""


def environment(
    engine: Engine, home: Home | None = None, environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The variables to set, beside the user's own, for ``pulumi`` to run this project's stacks.

    Creates the state folder and the passphrase file when they are used and missing. A backend or
    a passphrase that the user has set wins. Raises EngineError ``home-not-writable``.
    """
    environ = os.environ if environ is None else environ
    home = home or Home.from_environment(environ)
    home.prepare()
    found = {
        "PATH": _path(engine, home, environ.get("PATH", os.defpath)),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "OPEA_PYTHON": sys.executable,
    }
    if not user_backend(environ):
        found["PULUMI_BACKEND_URL"] = "file://" + quote(str(home.state))
    if "PULUMI_CONFIG_PASSPHRASE" not in environ and "PULUMI_CONFIG_PASSPHRASE_FILE" not in environ:
        found["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(home.passphrase_file)
    if environ.get("OPEA_HOME"):
        found["OPEA_HOME"] = str(home.data)
    if environ.get("OPEA_CACHE"):
        found["OPEA_CACHE"] = str(home.cache)
    return found


def shell_lines(variables: Mapping[str, str]) -> str:
    """``export NAME='value'`` lines for ``eval`` in a POSIX shell, safely quoted."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))


def _path(engine: Engine, home: Home, path: str) -> str:
    """The user's PATH with the engine first, our language host if it has none, our provider last."""
    language_host = _shims.language_host_folder(home, engine.path)
    wanted = [str(engine.path.parent), *([str(language_host)] if language_host else [])]
    provider = str(_shims.provider_folder(home))
    rest = [part for part in path.split(os.pathsep) if part and part not in {*wanted, provider}]
    return os.pathsep.join([*wanted, *rest, provider])
