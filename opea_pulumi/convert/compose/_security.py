"""The security keys of a service: Pod Security *restricted* in Compose's words, and the named exceptions."""

from __future__ import annotations

import re
from typing import Any

from opea_pulumi.blueprint import Workload

_CAPABILITY = re.compile(r"[A-Z][A-Z_]+")

ROOT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
"""What an image that starts as root may do: give itself folders and become another user."""


def exceptions_of(workload: Workload) -> dict[str, str]:
    """The workload's exceptions by name, with their reasons."""
    named = dict(workload.security.exceptions)
    if workload.security.user == 0:
        named.setdefault("root", "the image runs as root")
    return dict(sorted(named.items()))


def user_of(workload: Workload) -> str:
    """User and group of the container."""
    if "root" in exceptions_of(workload):
        return "0:0"
    return f"{workload.security.user}:{workload.security.group}"


def security_of(workload: Workload) -> dict[str, Any]:
    """What the catalogue says that the image needs, and nothing more."""
    names = exceptions_of(workload)
    root = ROOT_CAPABILITIES if "root" in names else ()
    capabilities = sorted({*root, *(name for name in names if _CAPABILITY.fullmatch(name))})
    options = ["no-new-privileges:true"]
    options += ["seccomp=unconfined"] if "unconfined" in names else []
    keys: dict[str, Any] = {
        "user": user_of(workload),
        "read_only": "writable-root" not in names,
        "cap_drop": ["ALL"],
        "cap_add": capabilities,
        "security_opt": options,
        "tmpfs": [_tmpfs(workload, path) for path in workload.security.writable],
    }
    if "privileged" in names:
        keys["privileged"] = True
    if "host-ipc" in names:
        keys["ipc"] = "host"
    return {key: value for key, value in keys.items() if value not in ([], False)}


def _tmpfs(workload: Workload, path: str) -> str:
    """Model servers compile kernels into these folders and load them, which Docker's ``noexec`` forbids."""
    computes = workload.role == "server" or workload.resources.accelerators
    user, _, group = user_of(workload).partition(":")
    options = f"mode=1777,uid={user},gid={group}"
    return f"{path}:{'exec,' if computes else ''}{options}"
