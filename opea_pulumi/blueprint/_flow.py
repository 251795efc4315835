"""The blueprint's graph: the mega flow's services as the steps that the router runs."""

from __future__ import annotations

from opea_pulumi.application import service_types, slug
from opea_pulumi.flow import CONTRACTS, Flow, InternalService, Mode, Node, NodeKind, Step

from ._model import workload_url
from ._plan import Plan, blueprint_error


def step_keys(plan: Plan) -> dict[str, str]:
    """The router's environment variable with the bearer key of each external step."""
    external = [name for name in plan.services if plan.is_external(name)]
    return {name: f"STEP_KEY_{slug(name).replace('-', '_').upper()}" for name in external}


def key_secret(name: str) -> str:
    """The name of the secret with an external service's bearer key."""
    return f"{slug(name)}-api-key"


def build_flow(plan: Plan) -> Flow:
    """The graph with symbolic addresses.

    Raises:
        BlueprintError: the flow forks or joins, or has a type that the router cannot speak to.
    """
    mega = plan.application.mega
    if not mega.flow.is_sequence:
        message = "the router runs flows without forks so far; this one has forks or joins"
        hint = "write it as one line: a >> b >> c"
        raise blueprint_error("unsupported-flow", message, "opea_mega_service.mega_flow", hint)
    settings = {
        "mode": Mode.ALIGNED.value,
        "endpoint": mega.endpoint or "/",
        "release": plan.release.release,
        **{f"default.{key}": value for key, value in plan.release.router.defaults.items()},
        **{f"key.{name}": variable for name, variable in step_keys(plan).items()},
        **{f"type.{name}": _contract(plan, name) for name in plan.services},
    }
    steps = tuple(_step(plan, name) for name in plan.services)
    return Flow(nodes={"root": Node(kind=NodeKind.SEQUENCE, steps=steps)}, settings=settings)


def _contract(plan: Plan, name: str) -> str:
    kind = plan.services[name].type
    if not plan.is_external(name):
        plan.row(name)  # that it is not offered matters more than that the router does not know it
    if kind not in CONTRACTS:
        message = f"the router knows no data contract for a service of type {kind}"
        hint = f"it knows {', '.join(name for name in CONTRACTS if name in service_types())}"
        raise blueprint_error("unsupported-type", message, plan.path(name), hint)
    return kind


def _step(plan: Plan, name: str) -> Step:
    service, nodes = plan.services[name], plan.application.mega.flow.nodes
    beside = name not in nodes
    step = Step(name=name, data="" if beside or name == nodes[0] else "$response")
    internal = InternalService(service_name=slug(name), is_downstream_service=beside)
    if plan.is_external(name):
        endpoint = service.endpoint or service_types()[service.type].endpoint
        outside = InternalService(is_downstream_service=True) if beside else None
        address = _full_url(service.url or "", endpoint)
        return step.model_copy(update={"external_service": address, "internal_service": outside})
    address = workload_url(slug(name), service.endpoint or plan.row(name).endpoint)
    return step.model_copy(update={"service_url": address, "internal_service": internal})


def _full_url(url: str, endpoint: str) -> str:
    """An external step's address: the url itself when it has a path of its own, else the endpoint on it."""
    base = url.removesuffix("/")
    if base.endswith("/v1") and endpoint.startswith("/v1/"):
        return base + endpoint.removeprefix("/v1")
    has_path = "/" in base.partition("://")[2]
    return base if has_path else base + endpoint
