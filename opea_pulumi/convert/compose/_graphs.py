"""The flow of a compose file: from the router's graph, or from the known application's image."""

from __future__ import annotations

from typing import Any

from opea_pulumi.application import infer_type
from opea_pulumi.catalog import MegaserviceRow, Release
from opea_pulumi.errors import OpeaError
from opea_pulumi.flow import Flow, Node, NodeKind, Step, load_flow

from ._project import ComposeService


def graph_of(service: ComposeService) -> Flow | None:
    """The graph that a router is started with."""
    words = [word.value for word in service.start]
    if "--graph-json" not in words[:-1]:
        return None
    try:
        return load_flow(words[words.index("--graph-json") + 1])
    except OpeaError:
        return None


def mega_of_graph(flow: Flow) -> dict[str, Any]:
    """``opea_mega_service`` of a graph."""
    root = flow.nodes["root"]
    mega: dict[str, Any] = {"endpoint": flow.endpoint} if flow.endpoint else {}
    nodes = {name: _node(node) for name, node in sorted(flow.nodes.items()) if name != "root"}
    if root.kind is NodeKind.SEQUENCE:
        mega["mega_flow"] = [" >> ".join(_name(step) for step in _steps(root))]
    else:
        mega["mega_flow"] = ["start"]
        nodes["start"] = _node(root)
    return {**mega, "nodes": nodes} if nodes else mega


def external_services(flow: Flow) -> dict[str, dict[str, Any]]:
    """The steps of a graph that are services elsewhere."""
    found: dict[str, dict[str, Any]] = {}
    for node in flow.nodes.values():
        for step in _steps(node):
            if step.external_service:
                kind = flow.types.get(step.name) or infer_type(step.name)
                found[step.name] = {"url": step.external_service, **({"type": kind} if kind else {})}
    return found


def _steps(node: Node) -> list[Step]:
    return [step for step in node.steps if not step.is_downstream]


def _name(step: Step) -> str:
    return step.node_name or step.name


def _node(node: Node) -> dict[str, Any]:
    steps = []
    for step in _steps(node):
        entry: dict[str, Any] = {"name": _name(step)}
        if step.condition:
            entry["condition"] = step.condition
        if step.dependency:
            entry["dependency"] = step.dependency.value
        steps.append(entry)
    return {"kind": node.kind.value, "steps": steps}


def variant_types(row: MegaserviceRow, service: ComposeService, types: set[str]) -> tuple[str, ...]:
    """The flow of a known application's image that fits its environment, and then the services best."""

    def fit(variant: Any) -> tuple[int, int, int]:
        literals = {key: value for key, value in variant.environment.items() if isinstance(value, str)}
        given = sum(
            service.environment[key].value == value
            for key, value in literals.items()
            if key in service.environment
        )
        wanted = set(variant.types)
        return given - (len(literals) - given), -len(wanted - types), -len(types - wanted)

    return tuple(max(row.variants, key=fit).types)


def usual_order(release: Release, types: list[str]) -> list[str]:
    """Types in the catalogue's order, for a file whose flow nobody runs."""
    return [kind for kind in release.services if kind in types]
