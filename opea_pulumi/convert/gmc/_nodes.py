"""The nodes of the custom resource: the flow's steps, each followed by the servers that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.flow import Flow, Node, NodeKind, Step, contract_of

from ._config import Writer
from ._facts import facts
from ._places import Place, refusal

_SCHEME = "workload://"
Document = dict[str, Any]


class Nodes:
    """Builds ``spec.nodes``; every server stands once, in the node of the steps that call it."""

    def __init__(self, blueprint: Blueprint, writer: Writer) -> None:
        self.blueprint = blueprint
        self.flow: Flow = blueprint.flow
        self.writer = writer
        self.home: dict[str, str] = {}
        self.nodes: dict[str, Document] = {}

    def build(self) -> dict[str, Document]:
        """The nodes, ``root`` first, then in the order in which a request meets them.

        Raises:
            BlueprintError: the operator or its router cannot run the flow.
        """
        self._node(facts().root)
        for name in sorted(self.flow.nodes.keys() - self.nodes.keys()):
            self._node(name)
        self._rest()
        return self.nodes

    def _node(self, name: str) -> None:
        node = self.flow.nodes[name]
        document: Document = {"routerType": node.kind.value, "steps": []}
        self.nodes[name] = document
        if node.kind is NodeKind.ENSEMBLE:
            self._check_ensemble(name, node)
        for index, step in enumerate(node.steps):
            self._check_condition(node, index, step)
            document["steps"] += self._steps(name, node, step)

    def _steps(self, name: str, node: Node, step: Step) -> Iterator[Document]:
        if step.node_name:
            yield self._linked(step, step.node_name)
        elif step.external_service:
            yield {
                "name": self._external(step),
                **_common(step),
                "externalService": step.external_service,
            }
        elif node.kind is NodeKind.ENSEMBLE and self._servers(self._place(step)):
            # the router would call servers in an ensemble, too (gmc.md 3.6): a node of their own hides them
            wrapped = self._wrapped(name, step)
            self.nodes[wrapped] = {"routerType": NodeKind.SEQUENCE.value, "steps": []}
            plain = step.model_copy(update={"data": "", "dependency": None})
            self.nodes[wrapped]["steps"] += self._internal(wrapped, plain)
            yield {"name": self._place(step).step, **_common(step), "nodeName": wrapped}
        else:
            yield from self._internal(name, step)

    def _linked(self, step: Step, target: str) -> Document:
        if target not in self.nodes:
            self._node(target)
        return {"name": self._first(target), **_common(step), "nodeName": target}

    def _first(self, name: str) -> str:
        """A step that leads to a node needs one of the operator's names: that of its first service."""
        step = next((step for step in self.flow.nodes[name].steps if not step.is_downstream), None)
        if step is None:
            raise refusal(f"node {name} has no step", f"opea_mega_service.nodes.{name}")
        if step.node_name:
            return self._first(step.node_name)
        return self._external(step) if step.external_service else self._place(step).step

    def _place(self, step: Step) -> Place:
        return self.writer.places[step.service_url.removeprefix(_SCHEME).partition("/")[0]]

    def _internal(self, node: str, step: Step) -> Iterator[Document]:
        place = self._place(step)
        endpoint = place.facts.endpoint  # the images are the operator's, and so are their paths
        new = [server for server in self._servers(place) if self._settle(server, node, place)]
        config = self.writer.config(place, endpoint, shared=not new)
        yield {
            "name": place.step,
            **_common(step),
            "internalService": _service(place, config, downstream=step.is_downstream),
        }
        yield from self._behind(node, new)

    def _behind(self, node: str, places: list[Place]) -> Iterator[Document]:
        for place in places:
            further = [other for other in self._servers(place) if self._settle(other, node, place)]
            config = self.writer.config(place, place.facts.endpoint)
            yield {"name": place.step, "internalService": _service(place, config, downstream=True)}
            yield from self._behind(node, further)

    def _servers(self, place: Place) -> list[Place]:
        """What a workload calls by itself and the router does not: servers and stores."""
        called = (
            self.writer.places[name] for name in place.workload.downstreams if name in self.writer.places
        )
        return [other for other in called if other.facts.is_behind]

    def _settle(self, server: Place, node: str, user: Place) -> bool:
        """Give a server its node at its first user; a later user must stand in the same one (gmc.md 2.5)."""
        home = self.home.get(server.workload.name)
        if home is None:
            self.home[server.workload.name] = node
            return True
        if home != node:
            caller = user.workload.name
            message = f"{server.workload.name} stands in node {home}, and {caller} in node {node} calls it"
            hint = "the operator finds servers only in the caller's node: put both services into one node"
            raise refusal(message, f"opea_micro_services.{user.workload.name}", hint)
        return False

    def _rest(self) -> None:
        """What the flow does not name but a service calls or a user opens: more services, and the UI."""
        root = self.nodes[facts().root]
        done = {
            (step.get("internalService") or {}).get("serviceName")
            for node in self.nodes.values()
            for step in node["steps"]
        }
        for place in self.writer.places.values():
            if place.service in done or place.workload.name in self.home:
                continue
            if root["routerType"] == NodeKind.ENSEMBLE.value:
                raise refusal(f"the router would call {place.workload.name} as a step of the ensemble")
            new = [server for server in self._servers(place) if self._settle(server, facts().root, place)]
            config = self.writer.config(place, place.facts.endpoint, shared=not new)
            root["steps"].append(
                {"name": place.step, "internalService": _service(place, config, downstream=True)}
            )
            root["steps"] += self._behind(facts().root, new)

    def _external(self, step: Step) -> str:
        kind = self.flow.types.get(step.name) or contract_of(self.flow, step) or _by_name(step)
        name = facts().for_type(str(kind)) if kind else ""
        if not name:
            known = ", ".join(sorted(row.type for row in facts().steps.values() if row.type))
            message = f"the operator has no step for the service elsewhere {step.label}"
            raise refusal(message, f"opea_micro_services.{step.name}", f"it has steps for {known}")
        return name

    def _wrapped(self, node: str, step: Step) -> str:
        name = f"{node}-{step.name}"
        while name in self.flow.nodes or name in self.nodes:
            name += "-"
        return name

    def _check_ensemble(self, name: str, node: Node) -> None:
        words = [
            self._first(step.node_name)
            if step.node_name
            else self._external(step)
            if step.external_service
            else self._place(step).step
            for step in node.steps
        ]
        path = f"opea_mega_service.nodes.{name}"
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            message = f"GMC's router keeps one answer of all {twice[0]} steps of node {name}"
            raise refusal(message, path, "give them different types, or run them one after the other")
        if any(step.is_downstream for step in node.steps):
            raise refusal(f"the router would call every service of the ensemble {name}", path)

    def _check_condition(self, node: Node, index: int, step: Step) -> None:
        if not step.condition:
            return
        reason, hint = _condition_problem(node, index, step.condition)
        if reason:
            raise refusal(reason, f"opea_micro_services.{step.name}.condition", hint)


def _condition_problem(node: Node, index: int, condition: str) -> tuple[str, str]:
    if node.kind is NodeKind.ENSEMBLE:
        return "GMC's router ignores conditions in an Ensemble", "use a Switch"
    if node.kind is NodeKind.SEQUENCE:
        if index == 0:
            return "GMC's router fails on a condition of a Sequence's first step", "use a Switch"
        return "", ""
    _, equals, value = condition.partition("==")
    if not equals or "#(" in condition:
        return "", ""
    if re.search(r"[.#]", condition):
        hint = 'ask for a key alone, or query a list: models.#(id=="gpt-3.5")'
        return "in GMC's router a comparison with a dot or # is never true", hint
    if '"' in value:
        return "GMC's router takes quotes in a condition for part of the value", "write key==value"
    return "", ""


def _by_name(step: Step) -> str:
    """The type in an external service's name or its path, for those without a data contract of the router."""
    words = {row.type: row.endpoint for row in facts().steps.values() if row.type}
    named = re.sub(r"[-_]?\d+$", "", step.name)
    return next((kind for kind in words if kind == named or step.url.endswith(words[kind])), "")


def _common(step: Step) -> Document:
    found = {
        "condition": step.condition,
        "data": step.data,
        "dependency": step.dependency.value if step.dependency else "",
    }
    return {key: value for key, value in found.items() if value}


def _service(place: Place, config: dict[str, str], *, downstream: bool) -> Document:
    service: Document = {"serviceName": place.service}
    if config:
        service["config"] = config
    if downstream:
        service["isDownstreamService"] = True
    return service
