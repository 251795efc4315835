"""Reading and writing graphs: strict where a mistake would only show at the first request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from opea_pulumi.errors import FlowError, Location

from ._contracts import CONTRACTS
from ._model import Flow, Mode


def load_flow(source: str | Mapping[str, Any], *, file: str = "") -> Flow:
    """Read a graph from GMConnector JSON (text or parsed).

    Raises:
        FlowError: not JSON, no ``root`` node, a step that leads nowhere, a cycle, an unknown
            mode or contract name.
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
        raise _error("bad-graph", f"{first['msg']}", file, path) from None
    _check_settings(flow, file)
    _check_graph(flow, file)
    return flow


def dump_flow(flow: Flow) -> str:
    """The graph as GMConnector JSON, byte for byte the same for equal graphs."""
    nodes = {
        name: node.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
        for name, node in flow.nodes.items()
    }
    spec: dict[str, Any] = {"nodes": nodes}
    if flow.settings:
        spec["routerConfig"] = {"config": dict(sorted(flow.settings.items()))}
    return json.dumps({"spec": spec}, separators=(",", ":"), ensure_ascii=False)


def _parse(text: str, file: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        line, column = getattr(error, "lineno", None), getattr(error, "colno", None)
        raise FlowError(
            f"the graph is not JSON: {getattr(error, 'msg', error)}",
            code="bad-json",
            location=Location(file=file, line=line, column=column),
        ) from None


def _error(code: str, message: str, file: str, path: str, hint: str = "") -> FlowError:
    return FlowError(message, code=code, location=Location(file=file, path=path), hint=hint)


def _check_settings(flow: Flow, file: str) -> None:
    place = "spec.routerConfig.config"
    modes = [mode.value for mode in Mode]
    if flow.settings.get("mode", modes[0]) not in modes:
        raise _error("unknown-mode", f"unknown mode {flow.settings['mode']!r}", file, f"{place}.mode", f"one of {', '.join(modes)}")
    for step, contract in flow.types.items():
        if contract not in CONTRACTS:
            hint = f"one of {', '.join(CONTRACTS)}"
            raise _error("unknown-contract", f"unknown type {contract!r}", file, f"{place}.type.{step}", hint)


def _check_graph(flow: Flow, file: str) -> None:
    if "root" not in flow.nodes:
        raise _error("no-root", "a graph needs a node named root", file, "spec.nodes")
    for name, node in flow.nodes.items():
        for index, step in enumerate(node.steps):
            place = f"spec.nodes.{name}.steps[{index}]"
            if step.node_name and step.node_name not in flow.nodes:
                raise _error("unknown-node", f"no node is named {step.node_name!r}", file, f"{place}.nodeName")
            if not (step.node_name or step.url or step.is_downstream):
                raise _error("no-url", f"step {step.name!r} has no serviceUrl", file, f"{place}.serviceUrl")
    _check_cycle(flow, "root", (), file)


def _check_cycle(flow: Flow, name: str, trail: tuple[str, ...], file: str) -> None:
    if name in trail:
        raise _error("cycle", f"nodes call each other in a circle: {' -> '.join((*trail, name))}", file, f"spec.nodes.{name}")
    for step in flow.nodes[name].steps:
        if step.node_name:
            _check_cycle(flow, step.node_name, (*trail, name), file)
