"""What the engine must have before an application's containers are created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert.compose import number_of_bytes
from opea_pulumi.docker_engine import connect, containers_by_name, engine_address
from opea_pulumi.errors import OperationError, PreflightError
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import PROJECT

from .._preflight import missing_extras
from ._exposure import refused_exposure
from ._ports import refused_place

NEEDS = ("pulumi", "pulumi_docker", "docker")
_GIB = 2**30


def preflight(deployment: Deployment) -> list[PreflightError]:
    """Every reason why ``up`` would fail on this engine; empty when there is none."""
    if missing := missing_extras("docker", NEEDS):
        return missing
    from ._cards import missing_cards, wanted_cards
    from ._models import model_errors

    blueprint = deployment.blueprint
    try:
        with closing(connect()) as client:
            info, running = client.info(), client.api.containers()
            wanted = wanted_cards(blueprint)
            volumes = _volumes(client, deployment)
            foreign = _foreign(containers_by_name(client), deployment) if wanted else {}
    except OperationError as error:
        return [PreflightError(error.message, code=error.code, hint=error.hint)]
    local = engine_address().is_local
    return [
        *refused_exposure(blueprint),
        *_memory(blueprint, info),
        *model_errors(blueprint, volumes, local=local),
        *missing_cards(wanted, info, foreign, local=local),
        *refused_place(deployment, running, local=local),
    ]


def _memory(blueprint: Blueprint, info: Mapping[str, Any]) -> Iterator[PreflightError]:
    """Model servers hold what they ask for, all at once."""
    asked = {
        item.name: number_of_bytes(item.resources.memory)
        for item in blueprint.workloads
        if item.role == "server"
    }
    there = int(info.get("MemTotal") or 0)
    if there and sum(asked.values()) > there:
        each = ", ".join(f"{name} {size / _GIB:.1f}" for name, size in asked.items())
        total = f"{sum(asked.values()) / _GIB:.1f} GiB of memory ({each})"
        message = f"the model servers need {total}, and the engine has {there / _GIB:.1f}"
        hint = "choose smaller models, set their resources.memory, or try --profile embedded"
        yield PreflightError(message, code="not-enough-memory", hint=hint)


def _foreign(containers: Mapping[str, Mapping[str, Any]], deployment: Deployment) -> dict[str, Any]:
    """The containers of others."""
    own = {"opea.project": PROJECT, "opea.stack": deployment.stack}
    return {
        name: shown
        for name, shown in containers.items()
        if not own.items() <= ((shown.get("Config") or {}).get("Labels") or {}).items()
    }


def _volumes(client: Any, deployment: Deployment) -> list[str]:
    """The names of the stack's volumes on the engine."""
    labels = [f"opea.project={PROJECT}", f"opea.stack={deployment.stack}"]
    found = client.api.volumes(filters={"label": labels}).get("Volumes") or ()
    return [str(row["Name"]) for row in found]
