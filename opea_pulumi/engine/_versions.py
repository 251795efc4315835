"""Which versions of the Pulumi CLI this project runs with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

PINNED = "3.256.0"
"""The version that is installed when there is none."""

MINIMUM = "3.200.0"
"""The oldest version that is used when it is on PATH; the tests run with it too."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def parse(text: str) -> tuple[int, int, int]:
    """The three numbers of ``v3.256.0`` or ``go1.26.8``; ``(0, 0, 0)`` when there are none."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else (0, 0, 0)


def usable(version: str) -> bool:
    """Whether a CLI of this version is new enough and of the same major version."""
    return parse(version) >= parse(MINIMUM) and parse(version)[0] == parse(MINIMUM)[0]


def ask(binary: Path) -> str:
    """What ``pulumi version`` says, without the ``v``.

    Raises ValueError with the reason when it does not run, or says no version.
    """
    try:
        done = subprocess.run(
            [str(binary), "version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"{binary} does not run: {error}") from error
    lines = done.stdout.split()
    if done.returncode or not lines or parse(lines[0]) == (0, 0, 0):
        detail = (done.stderr or done.stdout).strip().splitlines()
        raise ValueError(f"`{binary} version` failed: {detail[-1] if detail else done.returncode}")
    return lines[0].removeprefix("v")
