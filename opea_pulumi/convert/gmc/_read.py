"""From the custom resource back to an application."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from opea_pulumi.application import (
    Application,
    DeploymentSpec,
    KeyPath,
    MegaFlow,
    MegaService,
    NodeSpec,
    StepSpec,
    dump_application,
    mega_endpoint,
    parse_application,
)
from opea_pulumi.catalog import load_release
from opea_pulumi.convert._model import Loss
from opea_pulumi.errors import ApplicationError
from opea_pulumi.flow import NodeKind
from opea_pulumi.terms import Hardware, Orchestrator

from ._facts import facts
from ._services import Services
from ._source import Connector, StepPart, read_connector

_COSMETIC = ("app.kubernetes.io/name", "app.kubernetes.io/managed-by", "gmc/platform")
"""Labels that upstream's samples wear and nothing reads."""

_RESPONSE = "$response"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


def from_gmc(text: str, *, file: str = "") -> tuple[Application, tuple[Loss, ...]]:
    """The application that a GMConnector describes, in either dialect, and what the language cannot hold.

    Raises:
        ApplicationError: the text has no GMConnector, or one that the operator would not accept.
    """
    connector = read_connector(text, file)
    services = Services(connector)
    services.read()
    flow = _Flow(connector, services)
    lines = flow.read()
    mega = MegaService(
        endpoint=_endpoint(services, flow),
        orchestrator=Orchestrator.GMC,
        flow=MegaFlow.of(lines, list(pairwise(lines))),
        nodes=flow.nodes,
    )
    application = Application(
        name=connector.document.metadata.name,
        release=facts().release,
        services={name: services.models[name] for name in sorted(services.models, key=flow.rank)},
        mega=mega,
        deployment=_deployment(connector, services, flow),
    )
    _check_loads(connector, services, application)
    return application, (*services.losses, *flow.losses, *_rest(connector))


class _Flow:
    """The nodes of the connector as the language's flow and its named nodes."""

    def __init__(self, connector: Connector, services: Services) -> None:
        self.connector = connector
        self.services = services
        self.losses: list[Loss] = []
        self.nodes: dict[str, NodeSpec] = {}
        self.order: list[str] = []
        self.names: dict[str, str] = {}
        self.ui = False

    def read(self) -> list[str]:
        """The steps of the flow, in order; ``nodes`` and ``order`` are filled on the way."""
        root = facts().root
        kind = self.connector.nodes[root].routerType
        steps = self._steps(root)
        if not self.order:
            self.connector.fail("no step that a request would run", ("spec", "nodes", root))
        if kind is NodeKind.SEQUENCE:
            self._check_references(steps)
            lines = [step.name for step in steps]
        else:
            name = self._node_name(kind.value.lower())
            self.nodes[name] = NodeSpec(kind=kind, steps=list(steps))
            self.losses.append(Loss("node root", f"is node {name}", "the language's root runs a sequence"))
            lines = [name]
        used = {*self.names}
        for name in sorted(self.connector.nodes.keys() - used - {root}):
            self.losses.append(Loss(f"node {name}", "is left out", "no step leads to it"))
        return lines

    def rank(self, name: str) -> tuple[int, str]:
        """The place of a service: in the flow's order, then by name."""
        return (self.order.index(name) if name in self.order else len(self.order), name)

    def _steps(self, node: str) -> list[StepSpec]:
        found: list[StepSpec] = []
        first = True
        for index, step in enumerate(self.connector.steps(node)):
            name = self._step(node, index, step)
            if name is None:
                continue
            self._check_data(node, step, first=first)
            first = False
            in_root = node == facts().root and self.connector.nodes[node].routerType is NodeKind.SEQUENCE
            plain = in_root and not step.nodeName
            condition = None if plain else step.condition or None
            found.append(
                StepSpec(name=name, condition=condition, dependency=None if plain else step.dependency)
            )
        return found

    def _step(self, node: str, index: int, step: StepPart) -> str | None:
        """The name of what a step runs; ``None`` when a request does not run it."""
        if step.nodeName:
            return self._nested(step.nodeName)
        row = facts().steps[step.name]
        name = self.services.names.get((node, index))
        if row.ui:
            self._ui(node, step)
        elif name is None:
            if not step.is_downstream:
                what = "a request does not run it"
                self.losses.append(Loss(f"node {node}, step {step.name}", what, "it is a server or a store"))
        elif row.type == "dataprep" or step.is_downstream:
            self._beside(node, name, step)
        else:
            self.order.append(name)
            return name
        return None

    def _ui(self, node: str, step: StepPart) -> None:
        known = load_release(facts().release).uis
        self.ui = self.connector.document.metadata.name in known
        if not self.ui:
            what, why = "is left out", f"the language has user interfaces for {', '.join(known)} alone"
            self.losses.append(Loss(f"node {node}, step {step.service or step.name}", what, why))

    def _beside(self, node: str, name: str, step: StepPart) -> None:
        model = self.services.models[name]
        if model.type != "dataprep":
            self.services.models[name] = model.model_copy(update={"beside": True})
        if node != facts().root:
            self.losses.append(Loss(f"node {node}, step {step.name}", "stands in root", "it is no step"))
        elif not step.is_downstream:
            self.losses.append(Loss(f"node {node}, step {step.name}", "is no step", "requests do not run it"))

    def _nested(self, node: str) -> str:
        name = self._node_name(node)
        self.names[node] = name
        kind = self.connector.nodes[node].routerType
        steps = self._steps(node)
        if not steps:
            self.connector.fail("a node without a step that a request runs", ("spec", "nodes", node))
        self.nodes[name] = NodeSpec(kind=kind, steps=list(steps))
        return name

    def _node_name(self, wanted: str) -> str:
        taken = {facts().root, *self.services.models, *self.nodes, *self.names.values()}
        name = wanted if _NAME.fullmatch(wanted) else "node"
        numbers = (f"{name}-{number}" for number in range(2, 1000))
        free = name if name not in taken else next(word for word in numbers if word not in taken)
        if wanted in self.connector.nodes and free != wanted:
            self.losses.append(Loss(f"node {name}", f"is named {free}", "the name is taken or no name"))
        return free

    def _check_data(self, node: str, step: StepPart, *, first: bool) -> None:
        """A step of a sequence gets the answer before it, and any other the node's request."""
        kind = self.connector.nodes[node].routerType
        answer = step.data == _RESPONSE and not first and kind is not NodeKind.ENSEMBLE
        usual = not first and kind is NodeKind.SEQUENCE
        if answer != usual:
            what = "gets the node's request" if answer else "gets the previous step's answer"
            why = f"so does every step of a {kind.value} in the language"
            name = step.nodeName or step.service or step.name
            self.losses.append(Loss(f"node {node}, step {name}", what, why))

    def _check_references(self, steps: list[StepSpec]) -> None:
        for step in steps:
            if step.condition or step.dependency:
                what = "its condition and dependency are left out"
                why = "the language's flow has them at services and in nodes"
                self.losses.append(Loss(f"node {step.name}", what, why))


def _check_loads(connector: Connector, services: Services, application: Application) -> None:
    """What the language refuses is refused where it stands in the GMConnector."""
    try:
        parse_application(dump_application(application))
    except ApplicationError as error:
        where = error.location.path if error.location else ""
        path = _gmc_path(services, application, where)
        connector.fail(error.message, path, error.hint, code=error.code)


def _gmc_path(services: Services, application: Application, where: str) -> KeyPath:
    """The key path in the GMConnector of one in the unified language, as near as it is known."""
    words = where.split(".")
    if step := re.search(r"\.nodes\.(.+)\.steps\[(\d+)\]", where):
        node = application.mega.nodes.get(step[1])
        words = [node.steps[int(step[2])].name] if node else []
    places = {services.name(item): item.path for item in services.found}
    return next((places[word] for word in words if word in places), ("spec", "nodes"))


def _endpoint(services: Services, flow: _Flow) -> str:
    """What the language gives a mega service without one: GMC's router answers at any path."""
    return mega_endpoint(services.models[name].type for name in flow.order)


def _deployment(connector: Connector, services: Services, flow: _Flow) -> DeploymentSpec:
    metadata = connector.document.metadata
    labels = {key: value for key, value in (metadata.labels or {}).items() if key not in _COSMETIC}
    fields: dict[str, Any] = {
        "namespace": metadata.namespace,
        "hardware": services.hardware if services.hardware is not Hardware.XEON else None,
        "labels": labels,
    }
    if flow.ui:
        fields["ui"] = True
    if services.token_secrets:
        name = sorted(services.token_secrets)[0]
        fields["secrets"] = {"hf-token": {"from": "existing", "name": name}}
    if services.host_paths:
        fields["model_cache"] = {"kind": "host_path", "path": sorted(services.host_paths)[0]}
    for what, given in (("hostPath", services.host_paths), ("gmcTokenSecret", services.token_secrets)):
        if len(given) > 1:
            flow.losses.append(Loss(what, "is one for all servers", "the language has one"))
    try:
        return DeploymentSpec.model_validate(fields)
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        path = ("metadata", key) if key in ("labels", "namespace") else ("spec", "nodes")
        return connector.fail("the unified language refuses this value", path, code="bad-value")


def _rest(connector: Connector) -> list[Loss]:
    router, metadata = connector.document.spec.routerConfig, connector.document.metadata
    if router.nameSpace and router.nameSpace != metadata.namespace:
        path = ("spec", "routerConfig", "nameSpace")
        connector.fail("the operator deploys a graph in one namespace", path, "take nameSpace out")
    losses = []
    usual = (facts().router.name, facts().router.service)
    if (router.name, router.serviceName or usual[1]) != usual:
        losses.append(Loss("routerConfig", f"is named {usual[1]}", "the language does not name the router"))
    if router.config:
        losses.append(Loss("routerConfig.config", "is left out", "the operator does not read it"))
    if metadata.annotations:
        losses.append(Loss("metadata.annotations", "are left out", "the language has none"))
    return losses
