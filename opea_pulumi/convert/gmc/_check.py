"""The rules of the operator's webhook, which the schema of the custom resource does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ._facts import facts


def check_gmconnector(document: Mapping[str, Any]) -> list[str]:
    """What the operator's webhook would refuse in a GMConnector; nothing when it accepts it.

    The document follows the schema (``crd()``): the API server checks that first.
    """
    nodes = (document.get("spec") or {}).get("nodes") or {}
    problems = [] if facts().root in nodes else [f"spec.nodes: there is no node {facts().root}"]
    services: dict[str, str] = {}
    for place, step in _steps(nodes):
        problems += _step_problems(place, step, nodes)
        service = (step.get("internalService") or {}).get("serviceName")
        if service and service in services:
            problems.append(f"{place}: {services[service]} has the serviceName {service}, too")
        elif service:
            services[service] = place
    return problems


def _steps(nodes: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, node in nodes.items():
        for index, step in enumerate(node.get("steps") or ()):
            yield f"spec.nodes.{name}.steps[{index}]", step


def _step_problems(place: str, step: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[str]:
    name, target = step.get("name"), step.get("nodeName")
    if not name:
        yield f"{place}: the step has no name"
    elif name not in facts().allowed:
        yield f"{place}: the operator knows no step {name}"
    if target and target not in nodes:
        yield f"{place}: there is no node {target}"
