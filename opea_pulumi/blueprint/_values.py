"""The environment of workloads: the catalogue's rows with models, addresses and secrets filled in."""

from __future__ import annotations

from opea_pulumi.application import ServiceModel, service_types, slug
from opea_pulumi.catalog import Environment, Reference

from ._model import EndpointValue, LiteralValue, PathValue, SecretValue, Value
from ._plan import Plan, blueprint_error


def service_environment(plan: Plan, name: str) -> dict[str, Value]:
    """What a microservice's process finds in its environment; the user's values come last.

    Raises:
        BlueprintError: it needs a service that the application lacks, or the user gives a secret's value.
    """
    service, row = plan.services[name], plan.row(name)
    environment: Environment = dict(row.environment)
    if row.store:
        environment |= plan.store()[1].clients.get(service.type, {})
    if service.url:
        environment |= row.remote
    _check_no_secrets(plan, name)
    literals = {key: LiteralValue(value=value) for key, value in service.environment.items()}
    return {**resolve(plan, name, environment), **literals}


def resolve(plan: Plan, name: str, environment: Environment) -> dict[str, Value]:
    """The values of a row that belongs to a service.

    Raises:
        BlueprintError: it needs a service that the application lacks.
    """
    service, row = plan.services[name], plan.row(name)
    fields = {
        "model": service.model or row.model,
        "index": plan.release.index,
        "url": base_url(service),
    }
    return {
        key: _reference(plan, name, value)
        if isinstance(value, Reference)
        else LiteralValue(value=value.format(**fields))
        for key, value in environment.items()
    }


def base_url(service: ServiceModel) -> str:
    """The url of a service elsewhere without the endpoint and version that clients append."""
    url = (service.url or "").rstrip("/")
    return url.removesuffix(service_types()[service.type].endpoint).removesuffix("/v1")


def _check_no_secrets(plan: Plan, name: str) -> None:
    secrets = {variable: item for item in plan.release.secrets.values() for variable in item.environment}
    for key in plan.services[name].environment:
        if key in secrets:
            hint = f"set it as the stack's secret opea:{secrets[key].config}, or as {key} of your environment"
            place = plan.path(name, "environment", key)
            raise blueprint_error("secret-in-file", f"{key} is a secret", place, hint)


def _reference(plan: Plan, name: str, value: Reference) -> Value:
    if value.secret:
        return SecretValue(secret=value.secret.format(service=slug(name)))
    if value.volume:
        return PathValue(volume=value.volume)
    where, _, part = value.endpoint.partition(".")
    if where == "store":
        return EndpointValue(workload=plan.store()[1].workload, format=value.format)
    if where == "server":
        return EndpointValue(workload=plan.server_name(name), format=value.format)
    other = plan.first_of(where)
    if other is None:
        hint = f"add {where} to the services and to the flow"
        message = f"service {plan.given_name(name)!r} needs a service of type {where}"
        raise blueprint_error("missing-service", message, "opea_micro_services", hint)
    if plan.is_external(other):
        return LiteralValue(value=base_url(plan.services[other]))
    return EndpointValue(workload=plan.server_name(other) if part else slug(other), format=value.format)
