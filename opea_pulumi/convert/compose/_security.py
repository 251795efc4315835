"""The security keys of a service: Pod Security *restricted* in Compose's words, and the named exceptions."""

from __future__ import annotations

from typing import Any

from opea_pulumi.blueprint import Workload
from opea_pulumi.convert._security import capabilities_for, exceptions_of


def user_of(workload: Workload) -> str:
    """User and group of the container."""
    if "root" in exceptions_of(workload):
        return "0:0"
    return f"{workload.security.user}:{workload.security.group}"


def security_of(workload: Workload) -> dict[str, Any]:
    """What the catalogue says that the image needs, and nothing more."""
    names = exceptions_of(workload)
    options = ["no-new-privileges:true"]
    options += ["seccomp=unconfined"] if "unconfined" in names else []
    keys: dict[str, Any] = {
        "user": user_of(workload),
        "read_only": "writable-root" not in names,
        "cap_drop": ["ALL"],
        "cap_add": capabilities_for(names),
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
