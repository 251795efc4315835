"""The application's patches, applied to the services of a compose file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert._patch import Part, apply_patches
from opea_pulumi.errors import BlueprintError, Location

TARGET = "compose"
KIND = "service"

_GUARDED = (
    *("user", "read_only", "privileged", "cap_drop", "cap_add", "security_opt", "ipc", "pid"),
    *("network_mode", "networks", "ports", "volumes", "devices"),
)


def patched(blueprint: Blueprint, services: Mapping[str, Any], target: str = TARGET) -> dict[str, Any]:
    """The services after the patches for Compose (or a target with its words), which cannot take one out.

    Raises:
        BlueprintError: a patch fits nothing, fails, or takes out a service.
    """
    patches = [patch for patch in blueprint.patches if patch.target == target]
    parts = [Part(data=service, workload=name, kind=KIND) for name, service in services.items()]
    changed = apply_patches(parts, patches)
    if len(changed) != len(parts):
        message = "a patch takes out a service that others depend on"
        raise BlueprintError(
            message, code="patch-failed", location=Location(path=patches[0].path), hint="change it instead"
        )
    return dict(zip(services, changed, strict=True))


def loosened(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The services whose protection the patches changed, and the keys."""
    for name, service in after.items():
        keys = [key for key in _GUARDED if service.get(key) != before[name].get(key)]
        if keys:
            yield name, ", ".join(keys)
