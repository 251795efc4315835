"""Reading and writing graphs: strict where a mistake would only show at the first request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from opea_pulumi.errors import FlowError, Location

from ._contracts import CONTRACTS, contract_named
from ._model import Flow, Mode

_DEEPEST = 32
"""Nodes within nodes; far above any real graph, far below Python's own limit."""


def load_flow(source: str | Mapping[str, Any], *, file: str = "") -> Flow:
    """Read a graph from GMConnector JSON (text or parsed).

    Raises:
        FlowError: not JSON, no ``root`` node, a step that leads nowhere, a cycle, an unknown
            mode, or (in aligned mode) an unknown contract name.
    """
    document = _parse(source, file) if isinstance(source, str) else source
    spec = document.get("spec") if isinstance(document, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(spec.get("nodes"), Mapping):
        raise _error("bad-graph", "a graph needs an object spec.nodes", file, "spec.nodes")
    router_config = spec.get("routerConfig") or {}
    settings = router_config.get("config") or {} if isinstance(router_config, Mapping) else {}
    try:
        flow = Flow.model_validate({"nodes": spec["nodes"], "settings": settings})
    except ValidationError as error:
        first = error.errors()[0]
        path = "spec." + ".".join(str(part) for part in first["loc"])
        raise _error("bad-graph", first["msg"], file, path) from None
    _check_mode(flow, file)
    if flow.mode is Mode.ALIGNED:
        check_types(flow, file=file)
    _check_graph(flow, file)
    return flow


def dump_flow(flow: Flow) -> str:
    """The graph as GMConnector JSON, byte for byte the same for equal graphs."""
    nodes = {
        name: node.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
        for name, node in sorted(flow.nodes.items())
    }
    spec: dict[str, Any] = {"nodes": nodes}
    if flow.settings:
        spec["routerConfig"] = {"config": flow.settings}
    return json.dumps({"spec": spec}, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def check_types(flow: Flow, *, file: str = "") -> None:
    """Check that every ``type.<step>`` names a contract.

    Raises:
        FlowError: one does not. Pass-through needs no contracts, so ``load_flow`` asks this
            of aligned graphs only.
    """
    for step, name in flow.types.items():
        if contract_named(name) is None:
            place = f"spec.routerConfig.config.type.{step}"
            hint = f"one of {', '.join(CONTRACTS)}"
            raise _error("unknown-contract", f"unknown type {name!r}", file, place, hint)


def _parse(text: str, file: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise _error("bad-json", "the graph's JSON is nested too deeply", file, "") from None
    except ValueError as error:
        line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
        raise FlowError(
            f"the graph is not JSON: {getattr(error, 'msg', error)}",
            code="bad-json",
            location=Location(file=file, line=line, column=column),
        ) from None


def _error(code: str, message: str, file: str, path: str, hint: str = "") -> FlowError:
    return FlowError(message, code=code, location=Location(file=file, path=path), hint=hint)


def _check_mode(flow: Flow, file: str) -> None:
    modes = [mode.value for mode in Mode]
    given = flow.settings.get("mode", Mode.PASS_THROUGH.value)
    if given not in modes:
        place = "spec.routerConfig.config.mode"
        raise _error("unknown-mode", f"unknown mode {given!r}", file, place, f"one of {', '.join(modes)}")


def _check_graph(flow: Flow, file: str) -> None:
    if "root" not in flow.nodes:
        raise _error("no-root", "a graph needs a node named root", file, "spec.nodes")
    for name, node in flow.nodes.items():
        for index, step in enumerate(node.steps):
            place = f"spec.nodes.{name}.steps[{index}]"
            if step.node_name and step.node_name not in flow.nodes:
                raise _error(
                    "unknown-node", f"no node is named {step.node_name!r}", file, f"{place}.nodeName"
                )
            if not (step.node_name or step.url or step.is_downstream):
                raise _error("no-url", f"step {step.name!r} has no serviceUrl", file, f"{place}.serviceUrl")
    heights: dict[str, int] = {}
    for name in flow.nodes:
        _check_nesting(flow, name, heights, file)


def _children(flow: Flow, name: str) -> list[str]:
    return [step.node_name for step in flow.nodes[name].steps if step.node_name]


def _check_nesting(flow: Flow, start: str, heights: dict[str, int], file: str) -> None:
    """Depth first without recursion: the graph comes from outside and may be of any depth."""
    trail, pending = [start], [iter(_children(flow, start))]
    while trail:
        child = next(pending[-1], None)
        if child is None:
            pending.pop()
            name = trail.pop()
            heights[name] = 1 + max((heights[below] for below in _children(flow, name)), default=0)
            if heights[name] > _DEEPEST:
                message = f"nodes are nested more than {_DEEPEST} deep"
                raise _error("too-deep", message, file, f"spec.nodes.{name}")
        elif child in trail:
            circle = " -> ".join((*trail[trail.index(child) :], child))
            raise _error("cycle", f"nodes call each other in a circle: {circle}", file, f"spec.nodes.{child}")
        elif child not in heights:
            trail.append(child)
            pending.append(iter(_children(flow, child)))
