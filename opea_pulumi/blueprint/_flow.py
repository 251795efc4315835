"""The blueprint's graph: the mega flow's services as the steps that the router runs."""

from __future__ import annotations

from opea_pulumi.application import Application, service_types, slug
from opea_pulumi.catalog import Release
from opea_pulumi.errors import BlueprintError, Location
from opea_pulumi.flow import CONTRACTS, Flow, InternalService, Mode, Node, NodeKind, Step

from ._model import workload_url


def blueprint_error(code: str, message: str, path: str, hint: str = "") -> BlueprintError:
    """An error at a key path of the application; who read the file adds the line."""
    return BlueprintError(message, code=code, location=Location(path=path), hint=hint)


def service_path(application: Application, name: str, *keys: str) -> str:
    """The key path of a service as the user wrote its name."""
    return ".".join(("opea_micro_services", application.services[name].alias or name, *keys))


def steps_of(application: Application) -> tuple[str, ...]:
    """The services that the router addresses: those of the flow, then the ones beside it."""
    nodes = application.mega.flow.nodes
    return (*nodes, *(name for name in application.services if name not in nodes))


def is_external(application: Application, release: Release, name: str) -> bool:
    """Whether a service is somewhere else and called at its ``url``."""
    service = application.services[name]
    row = release.services.get(service.type)
    return bool(service.url) and (row is None or not row.remote)


def step_keys(application: Application, release: Release) -> dict[str, str]:
    """The router's environment variable with the bearer key of each external step."""
    external = [name for name in steps_of(application) if is_external(application, release, name)]
    return {name: f"STEP_KEY_{slug(name).replace('-', '_').upper()}" for name in external}


def key_secret(name: str) -> str:
    """The name of the secret with an external service's bearer key."""
    return f"{slug(name)}-api-key"


def build_flow(application: Application, release: Release) -> Flow:
    """The graph with symbolic addresses.

    Raises:
        BlueprintError: the flow forks or joins, or has a type that the router cannot speak to.
    """
    if not application.mega.flow.is_sequence:
        message = "the router runs flows without forks so far; this one has forks or joins"
        hint = "write it as one line: a >> b >> c"
        raise blueprint_error("unsupported-flow", message, "opea_mega_service.mega_flow", hint)
    names = steps_of(application)
    settings = {
        "mode": Mode.ALIGNED.value,
        "endpoint": application.mega.endpoint,
        "release": release.release,
        **{f"default.{key}": value for key, value in release.router.defaults.items()},
        **{f"key.{name}": variable for name, variable in step_keys(application, release).items()},
        **{f"type.{name}": _contract(application, name) for name in names},
    }
    steps = tuple(_step(application, release, name, first=index == 0) for index, name in enumerate(names))
    return Flow(nodes={"root": Node(kind=NodeKind.SEQUENCE, steps=steps)}, settings=settings)


def _contract(application: Application, name: str) -> str:
    kind = application.services[name].type
    if kind not in CONTRACTS:
        message = f"the router knows no data contract for a service of type {kind}"
        hint = f"it knows {', '.join(CONTRACTS)}"
        raise blueprint_error("unsupported-type", message, service_path(application, name), hint)
    return kind


def _step(application: Application, release: Release, name: str, *, first: bool) -> Step:
    service = application.services[name]
    beside = name not in application.mega.flow.nodes
    data = "" if first or beside else "$response"
    if is_external(application, release, name):
        endpoint = service.endpoint or service_types()[service.type].endpoint
        return Step(name=name, external_service=_full_url(service.url or "", endpoint), data=data)
    return Step(
        name=name,
        internal_service=InternalService(service_name=slug(name), is_downstream_service=beside),
        service_url=workload_url(slug(name), service.endpoint or release.services[service.type].endpoint),
        data=data,
    )


def _full_url(url: str, endpoint: str) -> str:
    """An external step's address: the url itself when it has a path of its own, else the endpoint on it."""
    base = url.removesuffix("/")
    if base.endswith("/v1") and endpoint.startswith("/v1/"):
        return base + endpoint.removeprefix("/v1")
    has_path = "/" in base.partition("://")[2]
    return base if has_path else base + endpoint
