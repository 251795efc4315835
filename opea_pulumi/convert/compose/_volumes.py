"""Volumes, and the one-shot service that gives them to the users that write them.

A new named volume belongs to root; Kubernetes has ``fsGroup`` for that, Compose nothing.
"""

from __future__ import annotations

import shlex
from typing import Any

from opea_pulumi.blueprint import Blueprint, Workload

from ._security import user_of

OWNER = "volume-owner"


def volumes_of(blueprint: Blueprint) -> dict[str, Any]:
    """The top-level ``volumes``; those of the host are bound where they are mounted."""
    return {volume.name: {} for volume in blueprint.volumes if not volume.host_path}


def mounts_of(blueprint: Blueprint, workload: Workload) -> list[dict[str, Any]]:
    """``volumes`` of one service."""
    places = {volume.name: volume.host_path for volume in blueprint.volumes}
    mounts = []
    for mount in workload.mounts:
        host_path = places.get(mount.volume, "")
        entry: dict[str, Any] = {
            "type": "bind" if host_path else "volume",
            "source": host_path or mount.volume,
            "target": mount.path,
        }
        if not host_path:
            # else Docker gives an empty volume the owner that the image's own folder there has
            entry["volume"] = {"nocopy": True}
        mounts.append({**entry, "read_only": True} if mount.read_only else entry)
    return mounts


def owned_volumes(blueprint: Blueprint) -> dict[str, tuple[str, bool]]:
    """The owner of each named volume that not only root writes, and whether others write it, too."""
    named = volumes_of(blueprint)
    writers: dict[str, list[str]] = {}
    for workload in blueprint.workloads:
        user = user_of(workload)
        for mount in workload.mounts:
            if mount.volume in named and not mount.read_only:
                users = writers.setdefault(mount.volume, [])
                users += [] if user in users else [user]
    owned = {name: [user for user in users if user != "0:0"] for name, users in writers.items()}
    return {name: (users[0], len(writers[name]) > 1) for name, users in sorted(owned.items()) if users}


def owner_name(blueprint: Blueprint) -> str:
    """The one-shot service's name; empty when no volume needs it."""
    if not owned_volumes(blueprint):
        return ""
    taken = {workload.name for workload in blueprint.workloads}
    return next(name for name in (OWNER, f"{OWNER}-of-{blueprint.name}") if name not in taken)


def owner_service(blueprint: Blueprint, image: str, shell: str) -> dict[str, Any]:
    """The service itself; ``image`` is any that has a shell and ``chown``."""
    owned = owned_volumes(blueprint)
    commands = []
    for volume, (owner, several) in owned.items():
        path = shlex.quote(f"/volumes/{volume}")
        commands.append(f"chown {owner} {path}" + (f" && chmod 1777 {path}" if several else ""))
    mounts = [{"type": "volume", "source": name, "target": f"/volumes/{name}"} for name in owned]
    return {
        "image": image,
        "entrypoint": [shell, "-c", " && ".join(commands)],
        "restart": "no",
        "user": "0:0",
        "read_only": True,
        "cap_drop": ["ALL"],
        "cap_add": ["CHOWN", "FOWNER"],
        "security_opt": ["no-new-privileges:true"],
        "network_mode": "none",
        "volumes": mounts,
        "deploy": {"resources": {"limits": {"memory": "64m", "cpus": "1", "pids": 16}}},
    }
