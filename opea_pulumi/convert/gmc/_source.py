"""A GMConnector as text: found among the documents of a file, checked, every value with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from opea_pulumi.application import MAX_BYTES, KeyPath, Mark, Source, parse_source, quoted_key, suggestion
from opea_pulumi.errors import ApplicationError, Location
from opea_pulumi.flow import Dependency, NodeKind

from ._check import webhook_problems
from ._facts import facts

_MAX_DOCUMENTS = 100
_MAX_NESTED = 32
_CODE = "bad-gmconnector"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InternalPart(_Part):
    """``internalService`` as the schema of the custom resource has it."""

    serviceName: str | None = None  # noqa: N815 - the custom resource's names
    nameSpace: str | None = None  # noqa: N815
    config: dict[str, str] | None = None
    isDownstreamService: StrictBool | None = None  # noqa: N815


class StepPart(_Part):
    """One step."""

    name: str
    nodeName: str | None = None  # noqa: N815
    internalService: InternalPart | None = None  # noqa: N815
    externalService: str | None = None  # noqa: N815
    data: str | None = None
    condition: str | None = None
    dependency: Dependency | None = None
    serviceUrl: str | None = None  # noqa: N815

    @property
    def config(self) -> dict[str, str]:
        """The config of its internal service."""
        return (self.internalService and self.internalService.config) or {}

    @property
    def service(self) -> str:
        """The name of its internal service; may be empty."""
        return (self.internalService and self.internalService.serviceName) or ""

    @property
    def is_downstream(self) -> bool:
        """Whether another step calls it."""
        return bool(self.internalService and self.internalService.isDownstreamService)


class NodePart(_Part):
    """One node."""

    routerType: NodeKind  # noqa: N815
    steps: list[StepPart] | None = None


class RouterPart(_Part):
    """``routerConfig``."""

    name: str
    serviceName: str  # noqa: N815
    nameSpace: str | None = None  # noqa: N815
    config: dict[str, str] | None = None


class SpecPart(_Part):
    """``spec``."""

    nodes: dict[str, NodePart]
    routerConfig: RouterPart  # noqa: N815


class MetadataPart(BaseModel):
    """What of ``metadata`` means something to an application."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$")
    namespace: str | None = Field(default=None, pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class ConnectorPart(_Part):
    """The whole document."""

    apiVersion: str  # noqa: N815
    kind: str
    metadata: MetadataPart
    spec: SpecPart
    status: Any = None


@dataclass(frozen=True)
class Connector:
    """A GMConnector that the operator would accept, and where each of its values stands."""

    source: Source
    document: ConnectorPart

    @property
    def nodes(self) -> dict[str, NodePart]:
        """The nodes by name."""
        return self.document.spec.nodes

    @property
    def is_rfc(self) -> bool:
        """Whether it speaks the RFC's dialect."""
        words = {word for name in self.nodes for step in self.steps(name) for word in step.config}
        return bool(words & set(facts().rfc_order))

    def steps(self, node: str) -> list[StepPart]:
        """The steps of a node."""
        return self.nodes[node].steps or []

    def fail(self, message: str, path: KeyPath, hint: str = "", code: str = _CODE) -> NoReturn:
        """Raise an error at a value's place."""
        self.source.fail(code, message, path, hint=hint)


def read_connector(text: str, file: str) -> Connector:
    """The one GMConnector of a file.

    Raises:
        ApplicationError: there is none or several, or the operator would not accept it.
    """
    sources = [source for source in _documents(text, file) if source.data is not None]
    found = [source for source in sources if _is_connector(source)]
    if not found:
        source = sources[0] if sources else Source(file, marks={(): Mark(file, 1, 1)})
        hint = f"apiVersion: {facts().api_version} and kind: {facts().kind}"
        source.fail("no-gmconnector", "the file has no GMConnector", hint=hint)
    if len(found) > 1:
        found[1].fail(
            "two-gmconnectors", "the file has more than one GMConnector", hint="read them one by one"
        )
    connector = Connector(found[0], _checked(found[0]))
    _check_webhook(connector)
    _check_nesting(connector)
    return connector


def _documents(text: str, file: str) -> Iterator[Source]:
    """Every document, with empty lines in the place of those before it, so that places stay right."""
    lines = text.split("\n")
    starts = [index for index, line in enumerate(lines) if re.match(r"---(\s|$)", line)]
    if len(text) > MAX_BYTES or not starts:
        yield parse_source(text, file)
        return
    if len(starts) > _MAX_DOCUMENTS:
        place = Location(file, starts[_MAX_DOCUMENTS] + 1, 1)
        message = f"the file has more than {_MAX_DOCUMENTS} documents"
        raise ApplicationError(message, code="too-large", location=place)
    for start, end in zip([0, *starts], [*starts, len(lines)], strict=True):
        if start < end:
            yield parse_source("\n" * start + "\n".join(lines[start:end]) + "\n", file)


def _is_connector(source: Source) -> bool:
    data = source.data
    return isinstance(data, dict) and data.get("kind") == facts().kind


def _checked(source: Source) -> ConnectorPart:
    if source.data.get("apiVersion") != facts().api_version:
        message = f"the operator knows GMConnectors of {facts().api_version} alone"
        source.fail(_CODE, message, ("apiVersion",), hint=f"apiVersion: {facts().api_version}")
    try:
        return ConnectorPart.model_validate(source.data)
    except ValidationError as error:
        problems = [_problem(source, item) for item in error.errors()]
    first, *others = sorted(problems, key=_line_of)
    first.also = tuple(others)
    raise first


def _line_of(error: ApplicationError) -> tuple[int, int]:
    place = error.location or Location()
    return place.line or 0, place.column or 0


_WRONG = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "list_type": "must be a list",
    "string_pattern_mismatch": "is no name in Kubernetes",
}


def _problem(source: Source, item: Any) -> ApplicationError:
    path: KeyPath = tuple(part for part in item["loc"] if part != "[key]")
    key, kind = path[-1], item["type"]
    if kind == "extra_forbidden":
        place = source.location(path, key=True)
        known = _known(path[:-1])
        hint = suggestion(str(key), known) if known else ""
        return ApplicationError(
            f"unknown key {quoted_key(key)}", code="unknown-key", location=place, hint=hint
        )
    # the input itself is not shown: a secret may stand where it does not belong
    wrong = "is missing" if kind == "missing" else _WRONG.get(kind)
    message = f"{quoted_key(key)} {wrong or str(item['msg']).replace('Input should be', 'must be')}"
    hint = "put it in quotes" if kind == "string_type" and not isinstance(item["input"], list | dict) else ""
    return ApplicationError(message, code=_CODE, location=source.location(path), hint=hint)


def _known(path: KeyPath) -> list[str]:
    models: dict[str, type[BaseModel]] = {"spec": SpecPart, "routerConfig": RouterPart}
    model: type[BaseModel] | None = models.get(str(path[-1])) if path else ConnectorPart
    if path and path[-1] == "internalService":
        model = InternalPart
    elif path and isinstance(path[-1], int):
        model = StepPart
    elif len(path) > 1 and path[-2] == "nodes":
        model = NodePart
    return list(model.model_fields) if model else []


def _check_webhook(connector: Connector) -> None:
    for path, problem in webhook_problems(connector.source.data["spec"]["nodes"]):
        connector.fail(problem, path, "the operator's webhook refuses it")
    for name in connector.nodes:
        for index, step in enumerate(connector.steps(name)):
            if step.name in facts().unusable and not step.nodeName:
                path = ("spec", "nodes", name, "steps", index, "name")
                connector.fail(f"the operator deploys nothing for a step {step.name}", path)


def _check_nesting(connector: Connector) -> None:
    def walk(name: str, trail: tuple[str, ...]) -> None:
        for index, step in enumerate(connector.steps(name)):
            path = ("spec", "nodes", name, "steps", index, "nodeName")
            if step.nodeName in trail:
                connector.fail("nodes call each other in a circle", path, code="cycle")
            if step.nodeName in used:
                message = "two steps lead to one node, which the unified language cannot say"
                connector.fail(message, path, "give each a node of its own", code="node-twice")
            if step.nodeName:
                used.add(step.nodeName)
                if len(trail) > _MAX_NESTED:
                    connector.fail(f"nodes are nested more than {_MAX_NESTED} deep", path, code="too-deep")
                walk(step.nodeName, (*trail, step.nodeName))

    used: set[str] = set()
    walk(facts().root, (facts().root,))
