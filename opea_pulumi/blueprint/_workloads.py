"""The workloads: microservices, the servers and the store behind them, and the router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from opea_pulumi.application import slug
from opea_pulumi.catalog import HealthRow, RunnableRow

from ._flow import key_secret, step_keys
from ._model import (
    EndpointValue,
    Health,
    LiteralValue,
    Mount,
    Port,
    Resources,
    SecretValue,
    Security,
    Value,
    Workload,
)
from ._plan import Plan, blueprint_error
from ._values import resolve, service_environment

ROUTER = "router"

Role = Literal["microservice", "server", "store", "router"]


def workloads_of(plan: Plan) -> Iterator[Workload]:
    """Everything that runs, but the router.

    Raises:
        BlueprintError: the release lacks a service, server, store or device that the application asks for.
    """
    deployed = [name for name in plan.services if not plan.is_external(name)]
    for name in deployed:
        yield _service(plan, name)
        if plan.server_kind(name):
            yield _server(plan, name)
    if any(plan.row(name).store for name in deployed):
        yield _store(plan)
    elif plan.application.deployment.vector_store:
        plan.store()  # asking for a store that the release lacks is an error, even if none is needed


def router_workload(plan: Plan, others: Iterable[str]) -> Workload:
    """The router; ``others`` names the workloads that there are."""
    row = plan.release.router
    keys = {variable: SecretValue(secret=key_secret(name)) for name, variable in step_keys(plan).items()}
    port = Port(number=row.port, requested=plan.application.mega.port)
    workload = _workload(row, ROUTER, "router", ROUTER, port, _health(row.health), keys)
    steps = {slug(name) for name in plan.services}
    return workload.model_copy(update={"downstreams": tuple(sorted(steps & set(others)))})


def _service(plan: Plan, name: str) -> Workload:
    service, row = plan.services[name], plan.row(name)
    port = Port(number=row.port, requested=service.port)
    values = service_environment(plan, name)
    workload = _workload(row, slug(name), "microservice", service.type, port, _health(row.health), values)
    return workload.model_copy(update={"image": service.image or row.image})


def _server(plan: Plan, name: str) -> Workload:
    service, server = plan.services[name], plan.server_row(name)
    kind, hardware = plan.server_kind(name), service.hardware or plan.hardware
    device = server.devices.get(hardware)
    if device is None:
        message = f"server {kind} does not run on {hardware}"
        hint = f"one of {', '.join(server.devices)}"
        raise blueprint_error("no-such-device", message, plan.path(name, "hardware"), hint)
    model = service.model or plan.row(name).model
    row = device.model_copy(
        update={
            "args": tuple(arg.replace("{model}", model) for arg in device.args),
            "shared_memory": device.shared_memory or server.shared_memory,
            "volumes": device.volumes or server.volumes,
        }
    )
    values = resolve(plan, name, {**server.environment, **device.environment})
    port = Port(number=server.port)
    return _workload(row, plan.server_name(name), "server", kind, port, _health(server.health), values)


def _store(plan: Plan) -> Workload:
    kind, row = plan.store()
    values = {key: LiteralValue(value=str(value)) for key, value in row.environment.items()}
    health = Health(start_budget=row.start_budget)
    return _workload(row, row.workload, "store", kind, Port(number=row.port), health, values)


def _workload(
    row: RunnableRow,
    name: str,
    role: Role,
    kind: str,
    port: Port,
    health: Health,
    values: Mapping[str, Value],
) -> Workload:
    endpoints = {value.workload for value in values.values() if isinstance(value, EndpointValue)}
    return Workload(
        name=name,
        role=role,
        type=kind,
        image=row.image,
        command=row.command,
        args=row.args,
        environment=dict(sorted(values.items())),
        port=port,
        health=health,
        resources=Resources(**row.resources.model_dump()),
        shared_memory=row.shared_memory,
        mounts=tuple(Mount(volume=volume, path=path) for volume, path in sorted(row.volumes.items())),
        security=Security(exceptions=row.exceptions),
        downstreams=tuple(sorted(endpoints)),
    )


def _health(row: HealthRow) -> Health:
    return Health(**row.model_dump())
