"""What this machine must have before an application's processes are created."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from opea_pulumi.errors import PreflightError
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import PROJECT

_NEEDS = {
    "pulumi": "engine",
    "psutil": "engine",
    "aiohttp": "router",
    "fastapi": "embedded",
    "apsw": "embedded",
    "sqlite_vec": "embedded",
    "wordllama": "embedded",
}
"""Module and the extra that brings it."""


def preflight(deployment: Deployment) -> list[PreflightError]:
    """Every reason why ``up`` would fail on this machine; empty when there is none."""
    missing = list(_missing_extras())
    return missing or [*_taken_ports(deployment)]


def _missing_extras() -> Iterator[PreflightError]:
    absent = [module for module in _NEEDS if find_spec(module) is None]
    if absent:
        message = f"the local target needs Python packages that are not installed: {', '.join(absent)}"
        hint = "pip install 'opea-pulumi[local]'"
        yield PreflightError(message, code="missing-extra", hint=hint)


def _taken_ports(deployment: Deployment) -> Iterator[PreflightError]:
    from opea_pulumi.provider import port_holder

    own = f"urn:pulumi:{deployment.stack}::{PROJECT}::"
    for workload in deployment.blueprint.workloads:
        port = workload.port.requested
        holder = port_holder(port) if port else None
        # what this very stack holds it keeps, or gives up in the update
        if holder is not None and not holder.urn.startswith(own):
            message = f"port {port} of {workload.name} is taken by {holder}"
            hint = "stop that program, or give the service another port (or none: then a free one is found)"
            yield PreflightError(message, code="port-taken", hint=hint)
