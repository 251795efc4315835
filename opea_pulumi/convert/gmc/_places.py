"""Which step of the operator each workload is, and the name of its Service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opea_pulumi.blueprint import Blueprint, Workload, split_image
from opea_pulumi.errors import BlueprintError, Location, shown
from opea_pulumi.terms import Hardware, Orchestrator

from ._facts import Dialect, StepFacts, facts

_SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_NO_STEP = ("router", "prefetch", "gateway")
"""Roles that the operator's own router takes over, or that it does without."""


@dataclass(frozen=True)
class Place:
    """A workload in the custom resource: its step, what the operator knows of that, its Service."""

    workload: Workload
    step: str
    facts: StepFacts
    service: str


def refusal(message: str, path: str = "", hint: str = "") -> BlueprintError:
    """That the released operator cannot do something; ``path`` is the application's."""
    return BlueprintError(message, code="gmc-cannot", location=Location(path=path), hint=hint)


def path_of(blueprint: Blueprint, workload: Workload) -> str:
    """The key path of what a workload comes from: a service, or the service that uses it."""
    if workload.role == "store":
        return "opea_deployment.vector_store"
    names = {
        step.internal_service.service_name: step.name
        for node in blueprint.flow.nodes.values()
        for step in node.steps
        if step.internal_service
    }
    if workload.role == "microservice":
        return f"opea_micro_services.{names.get(workload.name, workload.name)}"
    callers = (item.name for item in blueprint.workloads if workload.name in item.downstreams)
    users = [name for name in callers if name in names]
    return f"opea_micro_services.{names[users[0]]}.server" if users else "opea_deployment"


def places_of(blueprint: Blueprint, dialect: Dialect) -> dict[str, Place]:
    """The place of every workload that the operator deploys as a step.

    Raises:
        BlueprintError: the operator is not the one to run this, or has no step for a workload.
    """
    _check_ours(blueprint)
    steps = {
        workload.name: _step_of(blueprint, workload)
        for workload in blueprint.workloads
        if workload.role not in _NO_STEP
    }
    _check_config_maps(blueprint, steps)
    services = _services(steps, dialect)
    _check_services(blueprint, services)
    return {
        name: Place(blueprint.workload(name), step, facts().steps[step], services[name])
        for name, step in steps.items()
    }


def _check_ours(blueprint: Blueprint) -> None:
    if blueprint.orchestrator is not Orchestrator.GMC:
        path, hint = "opea_mega_service.orchestrator", "set orchestrator: gmc, or take the key out"
        raise refusal(f"the flow is run by orchestrator {blueprint.orchestrator}", path, hint)
    if blueprint.release != facts().release:
        hint = f'set opea_release: "{facts().release}", or take the key out'
        message = f"the operator deploys release {facts().release}, not {blueprint.release}"
        raise refusal(message, "opea_release", hint)


def _step_of(blueprint: Blueprint, workload: Workload) -> str:
    words, path = facts(), path_of(blueprint, workload)
    if workload.role == "microservice":
        step = words.for_type(workload.type)
        known = ", ".join(sorted(step.type for step in words.steps.values() if step.type))
        what = f"a service of type {workload.type}"
    elif workload.role == "server":
        device = workload.hardware or blueprint.hardware
        step, known = words.for_server(workload.type, device), _devices(workload.type)
        what = f"server {workload.type} on {device}"
    elif workload.role == "store":
        step = words.for_store(workload.type)
        known, what = "redis", f"store {workload.type}"
    else:
        image = split_image(words.steps["UI"].image)[1]
        step = "UI" if workload.role == "ui" and split_image(workload.image)[1].endswith(image) else ""
        known, what = "ChatQnA's conversation UI", f"{workload.role} {workload.name}"
    if not step:
        raise refusal(f"the operator has no step for {what}", path, f"it has steps for {known}")
    return step


def _devices(kind: str) -> str:
    steps = facts().steps.values()
    devices = [device.value for step in steps if step.server == kind for device in step.hardware]
    if devices:
        return f"{kind} on {', '.join(device.value for device in Hardware if device.value in devices)}"
    return "servers " + ", ".join(sorted({step.server for step in steps if step.server}))


def _check_config_maps(blueprint: Blueprint, steps: Mapping[str, str]) -> None:
    """Steps share the ConfigMap of their kind (gmc.md 2.8): one would run with the other's settings."""
    owners: dict[str, str] = {}
    for name, step in steps.items():
        row = facts().steps[step]
        other = owners.setdefault(row.config_map, step) if row.config_map else step
        if facts().steps[other].environment != row.environment:
            message = f"the operator's steps {other} and {step} overwrite each other's {row.config_map}"
            hint = "run both on one kind of hardware"
            raise refusal(message, path_of(blueprint, blueprint.workload(name)), hint)


def _services(steps: Mapping[str, str], dialect: Dialect) -> dict[str, str]:
    """The workloads' own names; in the RFC's dialect its sample's, where they are not ambiguous."""
    if dialect == "v1.1":
        return {name: name for name in steps}
    usual = {name: facts().steps[step].rfc.service for name, step in steps.items()}
    counts = [*usual.values()]
    return {name: word if counts.count(word) == 1 else f"{name}-service" for name, word in usual.items()}


def _check_services(blueprint: Blueprint, services: Mapping[str, str]) -> None:
    taken = [facts().router.service]
    for name, service in services.items():
        path = path_of(blueprint, blueprint.workload(name))
        if not _SERVICE.fullmatch(service):
            message = f"{shown(service)} is no name for a Service of Kubernetes"
            raise refusal(message, path, "a letter first, then letters, digits and dashes, at most 63")
        if service in taken:
            raise refusal(f"two Services would be named {service}", path, "rename the service")
        taken.append(service)
