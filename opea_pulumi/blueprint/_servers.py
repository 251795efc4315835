"""Model servers, and the step that loads their weights before they start."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.application import ServerSpec
from opea_pulumi.catalog import DeviceRow, ServerRow, models

from ._memory import fit
from ._model import Health, LiteralValue, Port, Resources, Value, Workload
from ._plan import Plan, blueprint_error
from ._rows import autoscaling_of, cards_of, health_of, resources_of, workload_of
from ._values import Context, resolve, service_context

MODELS = "models"
"""The volume of a server's row that holds the weights; each server has one of its own."""

CONTEXT_ARGUMENTS = ("--max-model-len", "--max-total-tokens")
"""What tells vLLM and TGI how long a sequence may be."""


def servers_of(plan: Plan, name: str) -> Iterator[Workload]:
    """The server behind a service, and its prefetch step; nothing when another service shares its own.

    Raises:
        BlueprintError: the release lacks the server or the device, or the model does not fit it.
    """
    if not plan.server_kind(name) or not plan.owns_server(name):
        return
    server, device = plan.server_row(name), _device(plan, name)
    workload = _server(plan, name, server, device)
    if not (server.hub and MODELS in (device.volumes or server.volumes) and plan.release.prefetch):
        yield workload.model_copy(update={"egress": ("hub",) if server.hub or server.egress else ()})
        return
    if server.egress:
        workload = workload.model_copy(update={"egress": ("remote",)})
    if plan.application.deployment.offline or workload.model.startswith("/"):
        yield workload
        return
    prefetches = _prefetches(plan, workload, (workload.model, *server.models))
    yield from prefetches
    yield workload.model_copy(update={"after": tuple(step.name for step in prefetches)})


def model_volume(workload: str) -> str:
    """The volume that holds a server's weights."""
    return f"{workload}-{MODELS}"


def _device(plan: Plan, name: str) -> DeviceRow:
    kind, hardware, server = plan.server_kind(name), plan.device(name), plan.server_row(name)
    device = server.devices.get(hardware)
    if device is None:
        message = f"server {kind} does not run on {hardware}"
        hint = f"one of {', '.join(server.devices)}"
        raise blueprint_error("no-such-device", message, plan.path(name, "hardware"), hint)
    return device


def _server(plan: Plan, name: str, server: ServerRow, device: DeviceRow) -> Workload:
    given = plan.services[name].server or ServerSpec()
    workload = plan.server_name(name)
    cards = cards_of(device.resources, given.resources)
    port = device.port or server.port
    context = service_context(plan, name)
    fields = {**context.fields, "port": str(port), "cards": str(cards)}
    values = resolve(
        plan,
        Context(service=name, fields=fields),
        {**server.environment, **device.environment, **server.cache},
    )
    own: dict[str, Value] = {key: LiteralValue(value=value) for key, value in given.environment.items()}
    volumes = device.volumes or server.volumes
    row = device.model_copy(
        update={
            "image": given.image or device.image,
            "command": tuple(given.command) if given.command is not None else device.command,
            "args": (*(_filled(arg, fields) for arg in device.args), *given.args),
            "shared_memory": device.shared_memory or server.shared_memory,
            "volumes": {_volume(key, workload): path for key, path in volumes.items()},
        }
    )
    made = workload_of(
        row,
        name=workload,
        role="server",
        kind=plan.server_kind(name),
        port=Port(number=port),
        health=health_of(device.health or server.health),
        values={**values, **own},
    )
    return made.model_copy(
        update={
            "resources": _resources(plan, name, server, device, given),
            "hardware": plan.device(name),
            "model": plan.model(name),
            "replicas": given.replicas or 1,
            "autoscaling": autoscaling_of(given.autoscaling, device.metric or server.metric),
        }
    )


def _resources(plan: Plan, name: str, server: ServerRow, device: DeviceRow, given: ServerSpec) -> Resources:
    resources = resources_of(device.resources, given.resources)
    known = models().get(plan.model(name))
    if known is None:
        return resources
    asked = given.resources
    return fit(
        known,
        plan.model(name),
        resources,
        hardware=plan.device(name),
        kv_cache=_kv_cache(server, given),
        memory=asked.memory if asked else None,
        card_memory=asked.accelerator_memory if asked else None,
        context=_context((*device.args, *given.args)),
        path=plan.path(name, "model"),
    )


def _kv_cache(server: ServerRow, given: ServerSpec) -> str:
    """What the server reserves for keys and values, which the user may have changed."""
    changed = given.environment.get(server.kv_cache_variable, "")
    return f"{changed}Gi" if changed.isdecimal() else server.kv_cache


def _context(args: tuple[str, ...]) -> int:
    """The longest sequence that a server is told to take; 0: the model's."""
    pairs = zip((*args, ""), (*args, "")[1:], strict=False)
    lengths = [value for flag, value in pairs if flag in CONTEXT_ARGUMENTS and value.isdecimal()]
    return int(lengths[-1]) if lengths else 0


def _prefetches(plan: Plan, server: Workload, wanted: tuple[str, ...]) -> list[Workload]:
    """A step a model, one after the other: they write into one volume."""
    steps: list[Workload] = []
    for number, model in enumerate(wanted, 1):
        name = f"{server.name}-prefetch" + (f"-{number}" if number > 1 else "")
        step = _prefetch(plan, server, name, model)
        steps.append(step.model_copy(update={"after": tuple(before.name for before in steps[-1:])}))
    return steps


def _prefetch(plan: Plan, server: Workload, name: str, model: str) -> Workload:
    row = plan.release.prefetch
    assert row is not None  # noqa: S101 - asked before
    cache = next(mount.path for mount in server.mounts if mount.volume == model_volume(server.name))
    fields = {"model": model, "cache": cache}
    values = resolve(plan, Context(fields=fields), row.environment)
    if plan.application.deployment.hub_mirror:
        values["HF_ENDPOINT"] = LiteralValue(value=plan.application.deployment.hub_mirror)
    filled = row.model_copy(
        update={
            "args": tuple(_filled(arg, fields) for arg in row.args),
            "volumes": {model_volume(server.name): cache},
        }
    )
    workload = workload_of(
        filled,
        name=name,
        role="prefetch",
        kind="prefetch",
        port=Port(number=0),
        health=Health(start_budget=3600),
        values=values,
    )
    return workload.model_copy(update={"model": model, "egress": ("hub",)})


def _volume(key: str, workload: str) -> str:
    return model_volume(workload) if key == MODELS else key


def _filled(text: str, fields: dict[str, str]) -> str:
    for key, value in fields.items():
        text = text.replace(f"{{{key}}}", value)
    return text
