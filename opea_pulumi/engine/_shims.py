"""Small scripts by which the engine starts this project's Python: language host and provider.

A script runs the interpreter in OPEA_PYTHON, else the one that wrote it, so that several virtual
environments can share one cache: `environment()` sets OPEA_PYTHON.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from opea_pulumi.engine.home import Home

_MARK = "# written by opea-pulumi"
_LANGUAGE_HOST = "pulumi-language-python"
_PROVIDER = "pulumi-resource-opea"

_TEXT = """#!/bin/sh
{mark}; the interpreter in OPEA_PYTHON comes first
python="${{OPEA_PYTHON:-}}"
[ -n "$python" ] || python={python}
if [ ! -x "$python" ]; then
  echo "{name}: the Python $python is gone; run: opea-pulumi engine install" >&2
  exit 1
fi
exec "$python" -u -m {module} "$@"
"""


def provider_folder(home: Home) -> Path:
    """Folder that holds ``pulumi-resource-opea`` for this interpreter; written when missing."""
    folder = home.make(home.cache / "shims" / _interpreter_key())
    _write(folder / _PROVIDER, "opea_pulumi.provider")
    return folder


def language_host_folder(home: Home, binary: Path) -> Path | None:
    """Folder to put on PATH so that ``binary`` finds a language host; ``None`` when it has its own."""
    if (binary.resolve().parent / _LANGUAGE_HOST).exists():
        return None
    folder = home.make(home.cache / "shims" / _interpreter_key() / "language")
    _write(folder / _LANGUAGE_HOST, "opea_pulumi.engine.language_host")
    return folder


def add_language_host(bin_folder: Path) -> None:
    """Give an engine built without a language host ours; a vendor's own stays."""
    target = bin_folder / _LANGUAGE_HOST
    if not target.exists():
        _write(target, "opea_pulumi.engine.language_host")


def refresh_language_host(bin_folder: Path) -> None:
    """Write our language host anew when the interpreter it names is gone."""
    target = bin_folder / _LANGUAGE_HOST
    text = target.read_text(errors="replace") if target.exists() and target.stat().st_size < 4096 else ""
    if _MARK in text and not Path(_recorded(text)).exists():
        _write(target, "opea_pulumi.engine.language_host")


def _recorded(text: str) -> str:
    line = next(line for line in text.splitlines() if "|| python=" in line)
    return shlex.split(line.partition("|| python=")[2])[0]


def _interpreter_key() -> str:
    import hashlib

    return hashlib.sha256(sys.executable.encode()).hexdigest()[:12]


def _write(path: Path, module: str) -> None:
    text = _TEXT.format(mark=_MARK, name=path.name, python=shlex.quote(sys.executable), module=module)
    if path.exists() and path.read_text(errors="replace") == text:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.chmod(0o755)
    draft.replace(path)
