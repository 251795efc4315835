"""What the engine must have before an application's containers are created."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert.compose import AMD, HABANA, NVIDIA, number_of_bytes
from opea_pulumi.docker_engine import connect, engine_address
from opea_pulumi.errors import OperationError, PreflightError
from opea_pulumi.targets import Deployment

from .._preflight import missing_extras
from ._exposure import refused_exposure
from ._ports import refused_place

NEEDS = ("pulumi", "pulumi_docker", "docker")
_GIB = 2**30

_RUNTIMES = {HABANA: "habana", NVIDIA: "nvidia"}
"""The container runtime that gives a container cards of a kind."""

_DEVICES = {HABANA: "/dev/accel/accel[0-9]*", NVIDIA: "/dev/nvidia[0-9]*", AMD: "/dev/dri/renderD*"}
"""The device file of each card (Linux's drivers)."""

_WORDS = {HABANA: "Gaudi", NVIDIA: "NVIDIA", AMD: "AMD"}


def preflight(deployment: Deployment) -> list[PreflightError]:
    """Every reason why ``up`` would fail on this engine; empty when there is none."""
    if missing := missing_extras("docker", NEEDS):
        return missing
    try:
        with closing(connect()) as client:
            info, running = client.info(), client.api.containers()
    except OperationError as error:
        return [PreflightError(error.message, code=error.code, hint=error.hint)]
    local = engine_address().is_local
    blueprint = deployment.blueprint
    return [
        *refused_exposure(blueprint),
        *_memory(blueprint, info),
        *_cards(blueprint, info, local=local),
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


def _cards(blueprint: Blueprint, info: Mapping[str, Any], *, local: bool) -> Iterator[PreflightError]:
    wanted: Counter[str] = Counter()
    for workload in blueprint.workloads:
        if workload.resources.accelerators:
            wanted[workload.resources.accelerator] += workload.resources.accelerators
    for kind, count in sorted(wanted.items()):
        word, runtime = _WORDS.get(kind, kind), _RUNTIMES.get(kind)
        if runtime and runtime not in (info.get("Runtimes") or {}) and not _by_cdi(kind, info):
            message = f"the application needs {count} {word} cards, and the engine has no runtime {runtime}"
            hint = "install the container runtime of the cards' vendor, or choose another --hardware"
            yield PreflightError(message, code="no-runtime", hint=hint)
        elif local and (there := _present(kind)) < count:
            message = f"the application needs {count} {word} cards, and this machine has {there}"
            hint = "set server.resources.accelerators, choose smaller models or another --hardware"
            yield PreflightError(message, code="not-enough-cards", hint=hint)


def _by_cdi(kind: str, info: Mapping[str, Any]) -> bool:
    """Engines since 28.2 list the devices of the Container Device Interface."""
    devices = info.get("DiscoveredDevices") or ()
    return kind == NVIDIA and any(str(row.get("ID", "")).startswith("nvidia.com/gpu") for row in devices)


def _present(kind: str) -> int:
    pattern = _DEVICES.get(kind, "")
    return len(list(Path("/").glob(pattern.lstrip("/")))) if pattern else 0
