"""What this machine must have before an application's processes are created."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import refuse_exposure
from opea_pulumi.errors import BlueprintError, PreflightError
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import PROJECT

from .._preflight import missing_extras

_NEEDS = ("pulumi", "psutil", "aiohttp", "fastapi", "apsw", "sqlite_vec", "wordllama")


def preflight(deployment: Deployment) -> list[PreflightError]:
    """Every reason why ``up`` would fail on this machine; empty when there is none."""
    return missing_extras("local", _NEEDS) or [*_exposure(deployment), *_taken_ports(deployment)]


def _exposure(deployment: Deployment) -> Iterator[PreflightError]:
    try:
        refuse_exposure(deployment.blueprint.settings.exposure, "local")
    except BlueprintError as error:
        yield PreflightError(error.message, code=error.code, location=error.location, hint=error.hint)


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
