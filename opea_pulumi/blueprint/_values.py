"""The environment of workloads: the catalogue's rows with models, addresses and secrets filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opea_pulumi.application import ServiceModel, service_types, slug
from opea_pulumi.catalog import Environment, Reference, StoreRow
from opea_pulumi.terms import Orchestrator

from ._model import EndpointValue, LiteralValue, PathValue, SecretValue, Value
from ._plan import Plan, blueprint_error

ROUTER = "router"
MEGASERVICE = "megaservice"
UI = "ui"
GATEWAY = "gateway"


@dataclass(frozen=True)
class Context:
    """For whom an environment is resolved: a service, or a store; ``fields`` fill its literals."""

    service: str = ""
    store: StoreRow | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def service_environment(plan: Plan, name: str) -> dict[str, Value]:
    """What a microservice's process finds in its environment; the user's values come last.

    Raises:
        BlueprintError: it needs a service that the application lacks, or the user gives a secret's value.
    """
    service, row = plan.services[name], plan.row(name)
    environment: Environment = dict(row.environment)
    kind = plan.server_kind(name)
    if kind:
        plan.server_row(name)  # it must be one that the service can use
        environment |= row.servers[kind]
    if row.store:
        environment |= _client(plan, name)
    if service.url:
        environment |= row.remote
    _check_no_secrets(plan, name)
    literals = {key: LiteralValue(value=value) for key, value in service.environment.items()}
    secrets = {key: SecretValue(secret=value) for key, value in service.secrets.items()}
    return {
        **resolve(plan, service_context(plan, name), environment),
        **_uses(plan, name),
        **secrets,
        **literals,
    }


def service_context(plan: Plan, name: str) -> Context:
    """What the literals of a service's rows, and of its server's, may name."""
    service, row = plan.services[name], plan.row(name)
    fields = {
        "model": plan.model(name),
        "index": plan.release.index,
        "url": base_url(service),
        "port": str(row.port),
        "dimensions": str(plan.dimensions) if row.store else "",
    }
    return Context(service=name, fields=fields)


def resolve(plan: Plan, context: Context, environment: Environment) -> dict[str, Value]:
    """The values of a row.

    Raises:
        BlueprintError: it needs a service that the application lacks.
    """
    values: dict[str, Value] = {}
    for key, value in environment.items():
        if isinstance(value, str):
            values[key] = LiteralValue(value=value.format(**context.fields))
            continue
        found = _reference(plan, context, value)
        if found is not None:
            values[key] = found
    return values


def base_url(service: ServiceModel) -> str:
    """The url of a service elsewhere without the endpoint and version that clients append."""
    url = (service.url or "").rstrip("/")
    return url.removesuffix(service_types()[service.type].endpoint).removesuffix("/v1")


def address(plan: Plan, name: str, format_: str = "http://{host}:{port}") -> Value:
    """Where a service is reached, with its endpoint: here, or at its url."""
    service = plan.services[name]
    if plan.is_external(name):
        return LiteralValue(value=service.url or "")
    endpoint = service.endpoint or plan.row(name).endpoint
    return EndpointValue(workload=slug(name), format=format_ + endpoint)


def _client(plan: Plan, name: str) -> Environment:
    kind, store = plan.services[name].type, plan.vector_store
    row = plan.store(store)
    clients = row.clients
    if kind not in clients:
        able = sorted(other for other, row in plan.release.stores.items() if kind in row.clients)
        message = f"a {kind} service cannot use the vector store {store}"
        hint = f"it can use {', '.join(able) or 'none of the release'}"
        raise blueprint_error("store-client", message, "opea_deployment.vector_store", hint)
    if row.dimensions not in (0, plan.dimensions):
        message = (
            f"OPEA's clients of {store} store embeddings of {row.dimensions} numbers, "
            f"and the embedding model makes {plan.dimensions}"
        )
        hint = "take another store, or another embedding model"
        raise blueprint_error("store-dimensions", message, "opea_deployment.vector_store", hint)
    return clients[kind]


def _uses(plan: Plan, name: str) -> dict[str, Value]:
    uses = plan.services[name].uses
    return {variable: address(plan, other) for variable, other in sorted(uses.items())}


def _check_no_secrets(plan: Plan, name: str) -> None:
    secrets = {variable: item for item in plan.release.secrets.values() for variable in item.environment}
    for key in plan.services[name].environment:
        if key in secrets:
            hint = f"set it as the stack's secret opea:{secrets[key].config}, or as {key} of your environment"
            place = plan.path(name, "environment", key)
            raise blueprint_error("secret-in-file", f"{key} is a secret", place, hint)


def _reference(plan: Plan, context: Context, value: Reference) -> Value | None:
    secret = value.secret.format(service=slug(context.service))
    if value.volume:
        return PathValue(volume=value.volume)
    if value.model:
        return _model(plan, context, value)
    if not value.endpoint:
        return SecretValue(secret=secret)
    where, _, part = value.endpoint.partition(".")
    workload = _fixed_workload(plan, context, where, part)
    if workload is not None:
        path = route_endpoint(plan) if value.path else ""
        return EndpointValue(workload=workload, format=value.format + path, secret=secret)
    return _of_type(plan, context, value, where, part)


def _fixed_workload(plan: Plan, context: Context, where: str, part: str) -> str | None:
    """The workload of a reference that does not depend on the application's services by type."""
    if where == "server":
        return plan.server_name(context.service)
    if where == "store":
        return plan.store(part).workload
    if where == "companion" and context.store is not None:
        return context.store.companions[part].workload
    if where == "router":
        return route_workload(plan)
    return where if where in (UI, GATEWAY) else None


def route_workload(plan: Plan) -> str:
    """What users reach: the router or the megaservice, or without an orchestrator the only service."""
    if plan.orchestrator is Orchestrator.NONE:
        return slug(plan.flow_services[0])
    return MEGASERVICE if plan.megaservice else ROUTER


def _model(plan: Plan, context: Context, value: Reference) -> Value | None:
    other = _first(plan, context, value, value.model)
    return None if other is None else LiteralValue(value=plan.model(other))


def _first(plan: Plan, context: Context, value: Reference, kind: str) -> str | None:
    other = plan.first_of(kind)
    if other is None and not value.optional:
        hint = f"add {kind} to the services and to the flow"
        needing = plan.given_name(context.service) if context.service else "the megaservice"
        message = f"service {needing!r} needs a service of type {kind}"
        raise blueprint_error("missing-service", message, "opea_micro_services", hint)
    return other


def route_endpoint(plan: Plan) -> str:
    """Its endpoint: a megaservice image has one of its own, and so has a service that is reached itself."""
    if plan.megaservice is not None:
        return plan.megaservice.endpoint
    if plan.orchestrator is Orchestrator.NONE:
        name = plan.flow_services[0]
        return plan.services[name].endpoint or plan.row(name).endpoint
    return plan.application.mega.endpoint or "/"


def _of_type(plan: Plan, context: Context, value: Reference, where: str, part: str) -> Value | None:
    other = _first(plan, context, value, where)
    if other is None:
        return None
    if plan.is_external(other):
        if value.path:
            return address(plan, other)
        return LiteralValue(value=base_url(plan.services[other]))
    if value.path and not part:
        return address(plan, other, value.format)
    return EndpointValue(workload=plan.server_name(other) if part else slug(other), format=value.format)
