"""Plain `pulumi` as users run it: in a shell, with nothing but the environment that the command prints."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from opea_command import ROOT

_IGNORED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "build", "dist", "*.egg-info")


def clone(folder: Path) -> Path:
    """A clone of the repository as plain `pulumi` finds it, with this interpreter's environment as .venv."""
    shutil.copytree(ROOT, folder, ignore=_IGNORED)
    for left in (folder / "stacks").glob("Pulumi.*.yaml"):
        left.unlink()
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def shell(folder: Path, environ: Mapping[str, str], script: str, *, path: tuple[Path, ...] = ()) -> str:
    """Run a script in a folder, after `eval "$(opea-pulumi engine env)"`; what it printed.

    Programs in ``path`` come first.
    """
    command = f"{sys.prefix}/bin/opea-pulumi"
    first = "".join(f"{each}{os.pathsep}" for each in path)
    lines = f'eval "$({command} engine env)"; export PATH="{first}$PATH"; {script}'
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr
