"""One service of a compose file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opea_pulumi.blueprint import (
    Blueprint,
    EndpointValue,
    FileMount,
    LiteralValue,
    PathValue,
    SecretFileValue,
    Value,
    Workload,
)
from opea_pulumi.convert._model import Loss
from opea_pulumi.flow import dump_flow

from ._devices import apply_devices
from ._health import healthcheck
from ._losses import single
from ._networks import apply_networks
from ._resources import memory, resources_of
from ._secrets import apply_secrets, secret_path
from ._security import security_of
from ._volumes import mounts_of, owned_volumes, owner_name

_ORDER = (
    *("image", "runtime", "entrypoint", "command", "environment", "secrets", "configs", "volumes", "tmpfs"),
    *("networks", "network_mode", "ports", "depends_on", "healthcheck", "restart", "labels"),
    *("user", "group_add", "read_only", "privileged", "cap_drop", "cap_add", "security_opt"),
    *("ipc", "shm_size", "devices", "deploy"),
)


@dataclass(frozen=True)
class Context:
    """What all services of a file share: ports by workload, cards by workload, which are checked."""

    blueprint: Blueprint
    cards: Mapping[str, tuple[int, ...]]
    checks: Mapping[str, bool]

    @cached_property
    def addresses(self) -> dict[str, int]:
        """The port of every workload."""
        return {item.name: item.port.number for item in self.blueprint.workloads}

    @cached_property
    def owner(self) -> str:
        """The service that gives volumes to their users; empty when none needs it."""
        return owner_name(self.blueprint)

    @cached_property
    def owned(self) -> frozenset[str]:
        """The volumes that it gives away."""
        return frozenset(owned_volumes(self.blueprint))


def service_of(context: Context, workload: Workload) -> tuple[dict[str, Any], list[Loss]]:
    """A workload as a service, and what was lost on the way."""
    blueprint = context.blueprint
    service: dict[str, Any] = {
        "image": workload.image,
        "entrypoint": list(workload.command),
        "command": [_filled(context, workload, arg) for arg in workload.args],
        "environment": dict(_environment(context, workload)),
        "configs": [{"source": config_name(workload, file), "target": file.path} for file in workload.files],
        "volumes": mounts_of(blueprint, workload),
        "depends_on": _depends_on(context, workload),
        "restart": "on-failure:3" if workload.role == "prefetch" else "unless-stopped",
        "labels": dict(sorted(blueprint.settings.labels.items())),
        "deploy": {"resources": resources_of(workload)},
        **security_of(workload),
    }
    if workload.files:
        service["read_only"] = False
    if workload.shared_memory and "ipc" not in service:
        service["shm_size"] = memory(workload.shared_memory)
    if workload.replicas > 1 and not single(blueprint, workload):
        service["deploy"] = {"replicas": workload.replicas, **service["deploy"]}
    losses = apply_secrets(service, workload, context.addresses)
    apply_networks(service, blueprint, workload)
    if workload.name in context.cards:
        apply_devices(service, workload, context.cards[workload.name])
    if workload.role != "prefetch":
        check, blind = healthcheck(workload)
        losses += blind
        service["healthcheck"] = check
    return in_order(service), losses


def in_order(service: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a service as people write them; those that say nothing are left out."""
    empty: tuple[Any, ...] = ([], {}, None, False)
    known = [key for key in _ORDER if key in service and service[key] not in empty]
    return {key: service[key] for key in (*known, *(key for key in service if key not in _ORDER))}


def config_name(workload: Workload, file: FileMount) -> str:
    """The name of a file among the top-level ``configs``."""
    index = [item.path for item in workload.files].index(file.path)
    return f"{workload.name}-{index}"


def _environment(context: Context, workload: Workload) -> Iterator[tuple[str, str]]:
    """What is no secret; secrets are exported by the entrypoint."""
    for variable, value in workload.environment.items():
        text = _value(context, workload, value)
        if text is not None:
            yield variable, text


def _value(context: Context, workload: Workload, value: Value) -> str | None:
    if isinstance(value, LiteralValue):
        return value.value
    if isinstance(value, SecretFileValue):
        return secret_path(value.secret)
    if isinstance(value, PathValue):
        return next(mount.path for mount in workload.mounts if mount.volume == value.volume)
    if isinstance(value, EndpointValue) and not value.secret:
        return value.format.format(host=value.workload, port=context.addresses[value.workload])
    return None


def _filled(context: Context, workload: Workload, arg: str) -> str:
    """The graph stays in the argument: a read-only container takes no config with content."""
    text = arg.replace("{host}", "0.0.0.0").replace("{port}", str(workload.port.number))  # noqa: S104 - a container's
    if "{graph}" not in text:
        return text
    addresses = context.addresses
    flow = context.blueprint.resolved_flow(lambda name: f"http://{name}:{addresses[name]}")
    return text.replace("{graph}", dump_flow(flow))


def _depends_on(context: Context, workload: Workload) -> dict[str, Any]:
    """What stands before it in the blueprint's order; a circle of calls (agents) is cut there."""
    conditions = {}
    if context.owner and not context.owned.isdisjoint(mount.volume for mount in workload.mounts):
        conditions[context.owner] = "service_completed_successfully"
    wanted = {*workload.downstreams, *workload.after}
    for other in context.blueprint.workloads:
        if other.name == workload.name:
            break
        if other.name in wanted:
            conditions[other.name] = _condition(context, other)
    return {name: {"condition": condition} for name, condition in conditions.items()}


def _condition(context: Context, other: Workload) -> str:
    if other.role == "prefetch":
        return "service_completed_successfully"
    return "service_healthy" if context.checks[other.name] else "service_started"
