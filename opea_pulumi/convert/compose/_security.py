"""The security keys of a service: Pod Security *restricted* in Compose's words, and the named exceptions."""

from __future__ import annotations

import re
from typing import Any

from opea_pulumi.blueprint import Workload

_CAPABILITY = re.compile(r"[A-Z][A-Z_]+")


def security_of(workload: Workload) -> dict[str, Any]:
    """What the catalogue says that the image needs, and nothing more."""
    security = workload.security
    names = sorted(security.exceptions)
    capabilities = [name for name in names if _CAPABILITY.fullmatch(name)]
    options = ["no-new-privileges:true"]
    options += ["seccomp=unconfined"] if "unconfined" in names else []
    keys: dict[str, Any] = {
        "user": f"{security.user}:{security.group}",
        "read_only": "writable-root" not in names,
        "cap_drop": ["ALL"],
        "cap_add": capabilities,
        "security_opt": options,
        "tmpfs": [_tmpfs(workload, path) for path in security.writable],
    }
    if "privileged" in names:
        keys["privileged"] = True
    if "host-ipc" in names:
        keys["ipc"] = "host"
    return {key: value for key, value in keys.items() if value not in ([], False)}


def _tmpfs(workload: Workload, path: str) -> str:
    """Model servers compile kernels into these folders and load them, which Docker's ``noexec`` forbids."""
    computes = workload.role == "server" or workload.resources.accelerators
    options = f"mode=1777,uid={workload.security.user},gid={workload.security.group}"
    return f"{path}:{'exec,' if computes else ''}{options}"
