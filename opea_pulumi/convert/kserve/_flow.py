"""The mega flow as an InferenceGraph: a plain sequence of services, or a refusal."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert.kubernetes import Object
from opea_pulumi.errors import BlueprintError, Location
from opea_pulumi.flow import Flow, Node, NodeKind, Step, contract_of
from opea_pulumi.terms import Orchestrator

_ROOT = "root"
_PLACE = "opea_mega_service.mega_flow"


def inference_steps(blueprint: Blueprint) -> list[Object]:
    """The steps of the graph's one node.

    Raises:
        BlueprintError: ``kserve-cannot``; the message says why.
    """
    if blueprint.orchestrator == Orchestrator.MEGASERVICE:
        why = (
            "OPEA's own megaservice image runs the flow itself, so that no step is left for an InferenceGraph"
        )
        raise _cannot(why, "opea_mega_service.orchestrator", "orchestrator: router")
    flow = _resolved(blueprint)
    steps = [step for step in _root(flow).steps if not step.is_downstream]
    if not steps:
        raise _cannot("the application has no flow of services", _PLACE)
    for step in steps:
        _check(flow, step)
    return [_step(step, first=at == 0) for at, step in enumerate(steps)]


def _resolved(blueprint: Blueprint) -> Flow:
    return blueprint.resolved_flow(lambda name: f"http://{name}:{blueprint.workload(name).port.number}")


def _root(flow: Flow) -> Node:
    root = flow.nodes.get(_ROOT)
    if root is None:
        raise _cannot("the application has no flow of services", _PLACE)
    if root.kind != NodeKind.SEQUENCE:
        raise _cannot(f"the flow starts with a node of kind {root.kind}, not with a sequence", _PLACE)
    return root


def _check(flow: Flow, step: Step) -> None:
    if step.node_name:
        raise _cannot("the flow branches; only a plain sequence of services is converted", _PLACE)
    if step.condition:
        raise _cannot(f"step {step.label} has a condition; only a plain sequence is converted", _PLACE)
    if (contract_of(flow, step) or "").startswith("guardrails"):
        why = f"step {step.label} is a guardrail, and an InferenceGraph goes on when one says no"
        raise _cannot(why, _PLACE, "convert to kubernetes")


def _step(step: Step, *, first: bool) -> Object:
    made: Object = {"name": step.label, "serviceUrl": step.url}
    made["data"] = step.data or ("$request" if first else "$response")
    return {**made, "dependency": str(step.dependency)} if step.dependency else made


def _cannot(why: str, path: str, hint: str = "convert to kubernetes, or to gmc") -> BlueprintError:
    message = f"KServe cannot hold this application: {why}"
    return BlueprintError(message, code="kserve-cannot", location=Location(path=path), hint=hint)
