"""The rules of the operator's webhook, which the schema of the custom resource does not know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opea_pulumi.errors import shown

from ._facts import facts

KeyPath = tuple[str | int, ...]


def check_gmconnector(document: Mapping[str, Any]) -> list[str]:
    """What the operator's webhook would refuse in a GMConnector; nothing when it accepts it.

    The document follows the schema (``crd()``): the API server checks that first.
    """
    nodes = (document.get("spec") or {}).get("nodes") or {}
    return [f"{'.'.join(str(part) for part in path)}: {problem}" for path, problem in webhook_problems(nodes)]


def webhook_problems(nodes: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """The webhook's complaints about ``spec.nodes``, each with the key path of its reason."""
    if facts().root not in nodes:
        yield ("spec", "nodes"), f"there is no node {facts().root}"
    services: set[str] = set()
    for name, node in nodes.items():
        for index, step in enumerate(node.get("steps") or ()):
            path: KeyPath = ("spec", "nodes", name, "steps", index)
            yield from _step_problems(path, step, nodes)
            service = (step.get("internalService") or {}).get("serviceName")
            if service and service in services:
                message = f"two steps have the serviceName {shown(service)}"
                yield (*path, "internalService", "serviceName"), message
            if service:
                services.add(service)


def _step_problems(path: KeyPath, step: Mapping[str, Any], nodes: Mapping[str, Any]) -> Iterator[Any]:
    name, target = step.get("name"), step.get("nodeName")
    if not name:
        yield path, "the step has no name"
    elif name not in facts().allowed:
        yield (*path, "name"), f"the operator knows no step {shown(name)}"
    if target and target not in nodes:
        yield (*path, "nodeName"), f"there is no node {shown(target)}"
