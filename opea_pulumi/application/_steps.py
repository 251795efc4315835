"""The flow of a document: its lines, its nodes, and whether everything stands in one place of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from opea_pulumi.errors import ApplicationError, Location, shown
from opea_pulumi.flow import NodeKind

from ._condition import check_condition
from ._mega_flow import FlowSyntaxError, MegaFlow, line_edges, parse_line
from ._model import Document, MicroService, NodeSpec, StepSpec
from ._services import SERVICES, is_step
from ._source import KeyPath, Source, quoted_key, suggestion
from ._types import canonical_name

_MEGA = "opea_mega_service"
_FLOW: KeyPath = (_MEGA, "mega_flow")
_NODES: KeyPath = (_MEGA, "nodes")
ROOT = "root"
"""The name of the node that the mega flow becomes."""

Services = Mapping[str, MicroService]


def flow_of(source: Source, document: Document, services: Services) -> tuple[MegaFlow, dict[str, NodeSpec]]:
    """The mega flow and the nodes in it, by canonical names.

    Raises:
        ApplicationError: a line or a node is wrong, or something is not reached or reached twice.
    """
    reader = _Reader(source, document, services)
    nodes = reader.nodes()
    flow = reader.flow()
    reader.check_circles()
    reader.check_places(flow)
    reader.check_reached(flow)
    return flow, nodes


def services_in(names: Iterable[str], nodes: Mapping[str, NodeSpec]) -> list[str]:
    """The services among names of a flow, those of nodes in their node's place."""
    found: list[str] = []
    for name in names:
        inner = services_in([step.name for step in nodes[name].steps], nodes) if name in nodes else [name]
        found += inner
    return found


class _Reader:
    def __init__(self, source: Source, document: Document, services: Services) -> None:
        self.source = source
        self.document = document
        self.services = services
        self.given: dict[str, str] = {}
        """The nodes' names as they are written, by canonical name."""
        self.read: dict[str, NodeSpec] = {}

    def nodes(self) -> dict[str, NodeSpec]:
        written = self.document.opea_mega_service.nodes
        for given in written:
            self._check_node_name(given)
            self.given[canonical_name(given)] = given
        self.read = {canonical_name(given): self._node(given, node) for given, node in written.items()}
        return self.read

    def _check_node_name(self, given: str) -> None:
        path, name = (*_NODES, given), canonical_name(given)
        if name == ROOT:
            message = "'root' is the node that mega_flow becomes"
            self.source.fail("name-clash", message, path, key=True, hint="give the node another name")
        if name in self.services:
            other = self.services[name].alias or name
            message = f"node {quoted_key(given)} is named like the service {quoted_key(other)}"
            self.source.fail("name-clash", message, path, key=True, hint="rename one of them")
        if name in self.given:
            message = f"{quoted_key(given)} and {quoted_key(self.given[name])} are the same node"
            self.source.fail("name-clash", message, path, key=True, hint="rename one of them")

    def _node(self, given: str, node: NodeSpec) -> NodeSpec:
        steps = [self._step(given, node.kind, index, step) for index, step in enumerate(node.steps)]
        return node.model_copy(update={"steps": steps})

    def _step(self, node: str, kind: NodeKind, index: int, step: StepSpec) -> StepSpec:
        path = self._step_path(node, index)
        name_path = (*path, "name") if (*path, "name") in self.source.marks else path
        self._check_name(self.source.location(name_path), step.name, f"node {quoted_key(node)}")
        service = self.services.get(canonical_name(step.name))
        own = service.condition if service else None
        if step.condition is not None:
            check_condition(self.source, (*path, "condition"), step.condition)
        if kind is NodeKind.ENSEMBLE and (step.condition is not None or own is not None):
            key = (SERVICES, (service and service.alias) or canonical_name(step.name), "condition")
            message = "the steps of an Ensemble all run: none has a condition"
            hint = "take the condition out, or make the node a Switch"
            place: KeyPath = (*path, "condition") if step.condition is not None else key
            self.source.fail("ensemble-condition", message, place, key=True, hint=hint)
        return step.model_copy(update={"name": canonical_name(step.name)})

    def _step_path(self, node: str, index: int) -> KeyPath:
        return (*_NODES, node, "steps", index)

    def _check_name(self, place: Location, given: str, where: str) -> None:
        name = canonical_name(given)
        if name in self.given:
            return
        service = self.services.get(name)
        if service is None:
            known = {item.alias or key for key, item in self.services.items()} | set(self.given.values())
            message = f"{where} names {shown(given)}, which is no service of {SERVICES}"
            message += " and no node" if self.given else ""
            raise _error("unknown-service", message, place, suggestion(given, known))
        if not is_step(service):
            what = f"a {service.type} service" if not service.beside else "a service beside the flow"
            hint = "take it out of the flow; it is deployed beside it"
            raise _error("not-a-step", f"{what} is no step of a flow", place, hint)

    def flow(self) -> MegaFlow:
        names: list[str] = []
        edges: list[tuple[str, str]] = []
        for index, line in enumerate(self.document.opea_mega_service.mega_flow):
            line_names, line_pairs = self._line(index, line)
            names += line_names
            edges += line_pairs
        if not names and not self.document.opea_app:
            hint = "such as: mega_flow: [embedding >> retrieval >> llm]"
            self.source.fail("no-flow", "mega_flow is missing or empty", _FLOW, hint=hint)
        try:
            return MegaFlow.of(names, edges)
        except ValueError as error:
            message, hint = f"the flow runs in a circle: {error}", "take one of its arrows out"
            self.source.fail("cycle", message, _FLOW, hint=hint)

    def _line(self, index: int, line: str) -> tuple[list[str], list[tuple[str, str]]]:
        path = (*_FLOW, index)
        try:
            groups = parse_line(line)
        except FlowSyntaxError as error:
            place = self.source.location(path, offset=error.offset)
            raise _error("bad-flow", str(error), place, "such as: a >> (b, c) >> d") from None
        for item in (item for group in groups for item in group):
            self._check_name(self.source.location(path, offset=item.offset), item.name, "the flow")
        names = [canonical_name(item.name) for group in groups for item in group]
        return names, [(canonical_name(a), canonical_name(b)) for a, b in line_edges(groups)]

    def check_circles(self) -> None:
        """A node that contains itself, maybe through others."""
        inner = {
            name: [step.name for step in node.steps if step.name in self.read]
            for name, node in self.read.items()
        }
        try:
            TopologicalSorter(inner).prepare()
        except CycleError as error:
            circle = [self.given[name] for name in reversed(error.args[1])]
            message = f"a node contains itself: {' >> '.join(circle)}"
            hint = "take one of its steps out"
            self.source.fail("cycle", message, (*_NODES, circle[0]), key=True, hint=hint)

    def check_places(self, flow: MegaFlow) -> None:
        """Whatever runs has one place: a second one would be answered by the first one's name."""
        first: dict[str, str] = dict.fromkeys(flow.nodes, "mega_flow")
        for node, index, name in self._steps():
            if name in first:
                given = self._given_name(name)
                message = f"{quoted_key(given)} is a step of {first[name]} already"
                hint = "name it once; for a second use add a service of another name and the same type"
                self.source.fail("used-twice", message, self._step_path(node, index), hint=hint)
            first[name] = f"node {quoted_key(node)}"

    def _steps(self) -> Iterator[tuple[str, int, str]]:
        for name, node in self.read.items():
            for index, step in enumerate(node.steps):
                yield self.given[name], index, step.name

    def _given_name(self, name: str) -> str:
        return self.given[name] if name in self.given else self.services[name].alias or name

    def check_reached(self, flow: MegaFlow) -> None:
        reached = self._reached(flow)
        for name, given in self.given.items():
            if name not in reached:
                message = f"neither mega_flow nor a node that it reaches names {quoted_key(given)}"
                hint = "name it in mega_flow or as a step, or take it out"
                self.source.fail("unreachable-node", message, (*_NODES, given), key=True, hint=hint)
        for name, service in self.services.items():
            if flow.nodes and name not in reached:
                given = service.alias or name
                message = f"no line of mega_flow names {quoted_key(given)}"
                message += ", nor a node that it reaches" if self.given else ""
                hint = "add it to the flow or take it out; beside: true is for what others call"
                self.source.fail("unreachable-service", message, (SERVICES, given), key=True, hint=hint)

    def _reached(self, flow: MegaFlow) -> set[str]:
        """From the flow and what stands beside it, along steps and ``uses``."""
        reached: set[str] = set()
        waiting = [*flow.nodes, *(name for name, item in self.services.items() if not is_step(item))]
        while waiting:
            name = waiting.pop()
            if name in reached:
                continue
            reached.add(name)
            if name in self.read:
                waiting += [step.name for step in self.read[name].steps]
            else:
                waiting += self.services[name].uses.values()
        return reached


def _error(code: str, message: str, place: Location, hint: str) -> ApplicationError:
    return ApplicationError(message, code=code, location=place, hint=hint)
