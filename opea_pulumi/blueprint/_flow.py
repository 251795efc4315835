"""The blueprint's graph: the mega flow's services as the steps of nested nodes."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.application import service_types, slug
from opea_pulumi.errors import FlowError
from opea_pulumi.flow import (
    CONTRACTS,
    Dependency,
    Flow,
    InternalService,
    Mode,
    Node,
    NodeKind,
    Step,
    parse_condition,
)
from opea_pulumi.terms import Orchestrator

from ._graph import Parallel, Part, Serial, structure
from ._model import workload_url
from ._plan import Plan, blueprint_error

_FLOW = "opea_mega_service.mega_flow"


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
        BlueprintError: the flow is not made of sequences and branches, or the router cannot run it.
    """
    mega = plan.application.mega
    part = structure(mega.flow)
    if part is None:
        message = "the flow is no composition of sequences and branches"
        hint = "every end of one part must lead to every start of the next: (a, b) >> c"
        raise blueprint_error("tangled-flow", message, _FLOW, hint)
    settings = _settings(plan)
    nodes = _Nodes(plan).build(part)
    if plan.orchestrator is Orchestrator.ROUTER:
        _check_conditions(plan, nodes)
    return Flow(nodes=nodes, settings=settings)


def _settings(plan: Plan) -> dict[str, str]:
    mega = plan.application.mega
    settings = {"endpoint": mega.endpoint or "/", "release": plan.release.release}
    if plan.orchestrator is Orchestrator.GMC:
        elsewhere = (name for name in plan.services if plan.is_external(name))
        return {**settings, **{f"type.{name}": plan.services[name].type for name in elsewhere}}
    if plan.orchestrator is not Orchestrator.ROUTER:
        return settings
    return {
        "mode": Mode.ALIGNED.value,
        **settings,
        **{f"default.{key}": value for key, value in plan.release.router.defaults.items()},
        **{f"key.{name}": variable for name, variable in step_keys(plan).items()},
        **{f"type.{name}": _contract(plan, name) for name in plan.services if _stands_in_graph(plan, name)},
    }


def unsupported_by_router(plan: Plan) -> bool:
    """Whether this version's router cannot run the flow."""
    kinds = {plan.services[name].type for name in plan.services if _stands_in_graph(plan, name)}
    return not kinds <= set(CONTRACTS)


def _check_conditions(plan: Plan, nodes: Mapping[str, Node]) -> None:
    """What the router would refuse when it loads the graph is refused at its place in the application."""
    for node_name, node in nodes.items():
        for index, step in enumerate(node.steps):
            if not step.condition:
                continue
            place = _condition_place(plan, node_name, index, step)
            if index == 0 and node.kind is NodeKind.SEQUENCE:
                message = "the first step of a sequence has no answer before it that a condition could test"
                hint = "leave the condition out, or choose by the request in a node of kind Switch"
                raise blueprint_error("bad-condition", message, place, hint)
            try:
                parse_condition(step.condition)
            except FlowError as error:
                raise blueprint_error(error.code, error.message, place, error.hint) from None


def _condition_place(plan: Plan, node: str, index: int, step: Step) -> str:
    service = plan.services.get(step.name)
    if service is not None and service.condition == step.condition:
        return plan.path(step.name, "condition")
    return f"opea_mega_service.nodes.{node}.steps[{index}].condition"


def _stands_in_graph(plan: Plan, name: str) -> bool:
    """Services beside the flow are named in the graph when a client reaches them through the router."""
    reached = plan.services[name].type in CONTRACTS and name not in plan.bare
    return name in plan.flow_services or (reached and service_types()[plan.services[name].type].side)


def _contract(plan: Plan, name: str) -> str:
    kind = plan.services[name].type
    if not plan.is_external(name):
        plan.row(name)  # that it is not offered matters more than that the router does not know it
    if kind not in CONTRACTS:
        message = f"the router knows no data contract for a service of type {kind}"
        hint = f"it knows {', '.join(name for name in CONTRACTS if name in service_types())}"
        raise blueprint_error("unsupported-type", message, plan.path(name), hint)
    return kind


class _Nodes:
    """Builds the nodes of the graph, with names that nothing else has."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.nodes: dict[str, Node] = {}
        self.taken = {"root", *plan.services, *plan.application.mega.nodes}

    def build(self, part: Part) -> dict[str, Node]:
        parts = part.parts if isinstance(part, Serial) else (part,)
        steps = [self._step(item, follows=index > 0) for index, item in enumerate(parts)]
        beside = [
            name
            for name in self.plan.services
            if name not in self.plan.flow_services and _stands_in_graph(self.plan, name)
        ]
        steps += [_service_step(self.plan, name, beside=True) for name in beside]
        return {"root": Node(kind=NodeKind.SEQUENCE, steps=tuple(steps)), **self.nodes}

    def _step(self, part: Part, *, follows: bool) -> Step:
        data = "$response" if follows else ""
        if isinstance(part, str) and part not in self.plan.application.mega.nodes:
            return _service_step(self.plan, part).model_copy(update={"data": data})
        name = part if isinstance(part, str) else self._compose(part)
        if isinstance(part, str):
            self._named(part)
        return Step(name=name, node_name=name, data=data)

    def _compose(self, part: Serial | Parallel) -> str:
        kind = NodeKind.SEQUENCE if isinstance(part, Serial) else NodeKind.ENSEMBLE
        name = self._free("sequence" if isinstance(part, Serial) else "parallel")
        follows = kind is NodeKind.SEQUENCE
        steps = [self._step(item, follows=follows and index > 0) for index, item in enumerate(part.parts)]
        if kind is NodeKind.ENSEMBLE:
            self._check_unconditional(steps)
        self.nodes[name] = Node(kind=kind, steps=tuple(steps))
        return name

    def _check_unconditional(self, steps: list[Step]) -> None:
        """Branches of a fan-out run side by side, whatever the request says; a Switch chooses."""
        for step in steps:
            if step.condition:
                place = self.plan.path(step.name, "condition")
                message = (
                    f"{self.plan.given_name(step.name)} runs beside others, so no condition can choose it"
                )
                hint = "put the branches into a node of kind Switch"
                raise blueprint_error("ensemble-condition", message, place, hint)

    def _named(self, name: str) -> None:
        spec = self.plan.application.mega.nodes[name]
        follows = spec.kind is NodeKind.SEQUENCE
        steps = []
        for index, item in enumerate(spec.steps):
            step = self._step(item.name, follows=follows and index > 0)
            own = {"condition": item.condition, "dependency": item.dependency}
            steps.append(step.model_copy(update={key: value for key, value in own.items() if value}))
        self.nodes[name] = Node(kind=spec.kind, steps=tuple(steps))

    def _free(self, word: str) -> str:
        numbers = iter(range(1, 1000))
        name = next(f"{word}-{number}" for number in numbers if f"{word}-{number}" not in self.taken)
        self.taken.add(name)
        return name


def _service_step(plan: Plan, name: str, *, beside: bool = False) -> Step:
    service = plan.services[name]
    dependency: Dependency | None = service.dependency
    step = Step(name=name, condition=service.condition or "", dependency=dependency)
    internal = InternalService(service_name=slug(name), is_downstream_service=beside)
    if plan.is_external(name):
        endpoint = service.endpoint or service_types()[service.type].endpoint
        outside = InternalService(is_downstream_service=True) if beside else None
        address = _full_url(service.url or "", endpoint)
        return step.model_copy(update={"external_service": address, "internal_service": outside})
    return step.model_copy(update={"service_url": _address(plan, name), "internal_service": internal})


def _address(plan: Plan, name: str) -> str:
    """A megaservice image calls the server of some services itself."""
    if name in plan.deployed:
        return workload_url(slug(name), plan.services[name].endpoint or plan.row(name).endpoint)
    if plan.services[name].url:
        return _full_url(plan.services[name].url or "", plan.row(name).endpoint)
    return workload_url(plan.server_name(name), plan.server_row(name).endpoint or "/")


def _full_url(url: str, endpoint: str) -> str:
    """An external step's address: the url itself when it has a path of its own, else the endpoint on it."""
    base = url.removesuffix("/")
    if base.endswith("/v1") and endpoint.startswith("/v1/"):
        return base + endpoint.removeprefix("/v1")
    has_path = "/" in base.partition("://")[2]
    return base if has_path else base + endpoint
