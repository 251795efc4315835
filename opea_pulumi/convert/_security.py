"""What the formats that run containers share: a workload's exceptions, and the capabilities they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from opea_pulumi.blueprint import Workload

ROOT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
"""What an image that starts as root may do: give itself folders and become another user."""

_CAPABILITY = re.compile(r"[A-Z][A-Z_]+")


def exceptions_of(workload: Workload) -> dict[str, str]:
    """The workload's exceptions by name, with their reasons, in a fixed order."""
    named = dict(workload.security.exceptions)
    if workload.security.user == 0:
        named.setdefault("root", "the image runs as root")
    return dict(sorted(named.items()))


def capabilities_for(exceptions: Iterable[str]) -> list[str]:
    """The capabilities that a container with these exceptions gets."""
    names = set(exceptions)
    root = ROOT_CAPABILITIES if "root" in names else ()
    return sorted({*root, *(name for name in names if _CAPABILITY.fullmatch(name))})
