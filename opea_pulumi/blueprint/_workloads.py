"""The workloads: microservices and what stands behind them, and what runs the flow before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import opea_pulumi
from opea_pulumi.application import ServiceModel, slug
from opea_pulumi.catalog import MegaserviceRow, ServedRow

from ._exposure import exposure_of, router_access
from ._flow import key_secret, step_keys
from ._model import FileMount, Mount, Port, Role, SecretValue, Value, Workload
from ._plan import Plan, blueprint_error
from ._rows import autoscaling_of, health_of, resources_of, secrets_in, workload_of
from ._servers import MODELS, model_volume, servers_of
from ._stores import stores_of
from ._values import (
    GATEWAY,
    MEGASERVICE,
    ROUTER,
    UI,
    Context,
    resolve,
    route_endpoint,
    service_context,
    service_environment,
)
from ._variants import variant_environment

HUB_SECRET = "hf-token"  # noqa: S105 - its name


def workloads_of(plan: Plan) -> Iterator[Workload]:
    """Everything that runs, but what runs the flow, and the user interface.

    Raises:
        BlueprintError: the release lacks a service, server, store or device that the application asks for.
    """
    made: dict[str, Workload] = {}
    for name in plan.services:
        if plan.is_external(name):
            continue
        parts = [*servers_of(plan, name)]
        if name in plan.deployed:
            parts.insert(0, _service(plan, name))
        made |= {part.name: part for part in parts}
        yield from parts
    yield from stores_of(plan, made)
    if plan.application.deployment.vector_store:
        _ = plan.vector_store  # asking for a store that the release lacks is an error, even if none is needed


def front_of(plan: Plan, others: Iterable[str]) -> Iterator[Workload]:
    """What users reach: the router or the megaservice (unless there is no orchestrator), and the UI.

    ``others`` names the workloads that there are.
    """
    if plan.megaservice is not None:
        yield _megaservice(plan, plan.megaservice)
    elif plan.orchestrator != "none":
        yield _router(plan, others)
    if plan.application.deployment.ui:
        yield from _ui(plan)


def _router(plan: Plan, others: Iterable[str]) -> Workload:
    row = plan.release.router
    keys: dict[str, Value] = {
        variable: SecretValue(secret=key_secret(name)) for name, variable in step_keys(plan).items()
    }
    values = {**resolve(plan, Context(), row.environment), **keys, **router_access(plan)}
    exposure = exposure_of(plan)
    front = None if plan.application.deployment.ui else exposure.port
    port = Port(number=row.port, requested=front or plan.application.mega.port)
    workload = _served(row, ROUTER, "router", ROUTER, port, values)
    steps = {slug(name) for name in plan.services}
    external = any(plan.is_external(name) for name in plan.services)
    return workload.model_copy(
        update={
            "image": row.image.format(version=opea_pulumi.__version__),
            "health": workload.health.model_copy(update={"tls": exposure.tls}),
            "downstreams": tuple(sorted(steps & set(others))),
            "egress": ("remote",) if external else (),
        }
    )


def _megaservice(plan: Plan, row: MegaserviceRow) -> Workload:
    values = resolve(
        plan, Context(fields=_mega_fields(plan)), {**row.environment, **variant_environment(plan, row)}
    )
    port = Port(number=row.port, requested=plan.application.mega.port)
    kind = plan.application.name or MEGASERVICE
    workload = _served(row, MEGASERVICE, "megaservice", kind, port, values)
    remote = any(plan.services[service].url for service in plan.services)
    return workload.model_copy(update={"egress": ("remote",) if remote else ()})


def _mega_fields(plan: Plan) -> dict[str, str]:
    llm = plan.first_of("llm") or plan.first_of("lvm")
    fields = dict(service_context(plan, llm).fields) if llm else {"model": "", "url": ""}
    return {**fields, "index": plan.release.index}


def _ui(plan: Plan) -> Iterator[Workload]:
    name = plan.application.name or ""
    row = plan.release.uis.get(name)
    if row is None:
        known = ", ".join(sorted(plan.release.uis)) or "none"
        message = f"release {plan.release.release} has no user interface for {name or 'a flow of your own'}"
        raise blueprint_error("no-such-ui", message, "opea_deployment.ui", f"there is one for {known}")
    context = Context(fields={**_mega_fields(plan), "route": route_endpoint(plan).rpartition("/")[2]})
    values = resolve(plan, context, row.environment)
    yield _served(row, UI, "ui", name, Port(number=row.port), values)
    gateway = plan.release.gateway
    if gateway is not None and row.gateway:  # some interfaces are reached themselves
        fronted = resolve(plan, context, {**gateway.environment, **row.gateway})
        yield _served(gateway, GATEWAY, "gateway", GATEWAY, Port(number=gateway.port), fronted)


def _service(plan: Plan, name: str) -> Workload:
    service, row = plan.services[name], plan.row(name)
    values = service_environment(plan, name)
    port = Port(number=row.port, requested=service.port)
    if not row.image:  # a service of the user's own: its port is where the image listens
        if not service.image:
            raise blueprint_error(
                "no-image", f"a {service.type} service needs an image", plan.path(name), "give it one"
            )
        port = Port(number=service.port or row.port)
    workload = _served(row, slug(name), "microservice", service.type, port, values)
    filled = tuple(_filled(arg, service_context(plan, name).fields) for arg in workload.args)
    return workload.model_copy(
        update={
            "args": filled,
            "mounts": tuple(_own_models(workload.name, mount) for mount in workload.mounts),
            "image": service.image or workload.image.format(version=opea_pulumi.__version__),
            "model": plan.model(name),
            "resources": resources_of(row.resources, service.resources),
            "files": _files(plan, name),
            "replicas": service.replicas or 1,
            "autoscaling": autoscaling_of(service.autoscaling),
            "egress": _egress(service, values),
        }
    )


def _own_models(workload: str, mount: Mount) -> Mount:
    """A service that loads a model by itself keeps it in a volume of its own, as servers do."""
    return mount.model_copy(update={"volume": model_volume(workload)}) if mount.volume == MODELS else mount


def _egress(service: ServiceModel, values: Mapping[str, Value]) -> tuple[str, ...]:
    """Who has the hub's token calls the hub; who has another key, or a url, calls what it is for."""
    secrets = secrets_in(values)
    hub = ("hub",) if HUB_SECRET in secrets else ()
    remote = any(name.endswith("-key") for name in secrets)
    return (*hub, "remote") if remote or service.url else hub


def _files(plan: Plan, name: str) -> tuple[FileMount, ...]:
    return tuple(
        FileMount(path=path, content=_content(plan, name, path, source))
        for path, source in sorted(plan.services[name].files.items())
    )


def _content(plan: Plan, name: str, path: str, source: str) -> str:
    if source not in plan.files:
        message = f"the file {source} is not at hand"
        hint = "load the application from its folder, with load_application"
        raise blueprint_error("file-missing", message, plan.path(name, "files", path), hint)
    return plan.files[source]


def _served(
    row: ServedRow, name: str, role: Role, kind: str, port: Port, values: Mapping[str, Value]
) -> Workload:
    health = health_of(row.health)
    return workload_of(row, name=name, role=role, kind=kind, port=port, health=health, values=values)


def _filled(text: str, fields: Mapping[str, str]) -> str:
    for key in ("model", "index", "dimensions"):
        text = text.replace(f"{{{key}}}", fields.get(key, ""))
    return text
