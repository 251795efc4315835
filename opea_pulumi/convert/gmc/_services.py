"""The services of a GMConnector: each step that a request runs, with the server that it calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from opea_pulumi.application import KeyPath, ServiceModel, service_types, slug
from opea_pulumi.catalog import load_release
from opea_pulumi.convert._model import Loss
from opea_pulumi.errors import ApplicationError
from opea_pulumi.flow import NodeKind
from opea_pulumi.terms import Hardware

from ._facts import StepFacts, facts
from ._source import Connector, StepPart
from ._words import Words, words_of

_RESERVED = ("router", "ui", "gateway")
"""Names that the blueprint gives to workloads of its own."""

_BEHIND = "embedding.server"


@dataclass(frozen=True)
class Found:
    """A step that the operator deploys or the router calls, and where it stands."""

    node: str
    index: int
    step: StepPart
    facts: StepFacts
    words: Words

    @property
    def path(self) -> KeyPath:
        """Its key path."""
        return ("spec", "nodes", self.node, "steps", self.index)

    @property
    def place(self) -> str:
        """What a loss calls it."""
        return self.step.service or f"node {self.node}, step {self.step.name}"


@dataclass
class Services:
    """The services of a connector by the names that they get, and what the language cannot hold of them."""

    connector: Connector
    found: list[Found] = field(default_factory=list)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    models: dict[str, ServiceModel] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    used: dict[tuple[str, str], str] = field(default_factory=dict)
    host_paths: set[str] = field(default_factory=set)
    token_secrets: set[str] = field(default_factory=set)
    hardware: Hardware | None = None
    equal: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Read every step.

        Raises:
            ApplicationError: a step that the operator would fail on, or a value that the language refuses.
        """
        self.found = [*self._steps()]
        self.hardware = self._main_hardware()
        for item in self.found:
            self._collect(item)
            if item.facts.type:
                self._service(item)
        self._check_links()
        for item in self.found:
            if item.facts.is_behind and (item.node, item.step.service) not in self.used:
                self.lose(item, "is left out", "no step calls it")

    def name(self, item: Found) -> str:
        """The name that a step's service gets; empty for servers and stores."""
        return self.names.get((item.node, item.index), "")

    def lose(self, item: Found, what: str, why: str) -> None:
        """Note what is lost of a step."""
        self.losses.append(Loss(item.place, what, why))

    def _steps(self) -> Iterator[Found]:
        for node in self.connector.nodes:
            for index, step in enumerate(self.connector.steps(node)):
                if step.nodeName:
                    continue
                row = facts().steps[step.name]
                words = words_of(self.connector, node, index, step, row)
                yield Found(node, index, step, row, words)

    def _main_hardware(self) -> Hardware | None:
        devices = [item.facts.hardware for item in self.found if item.facts.server]
        special = [device for found in devices for device in found if Hardware.XEON not in found]
        return special[0] if special else (Hardware.XEON if devices else None)

    def _collect(self, item: Found) -> None:
        if item.words.host_path and item.words.host_path != item.facts.rfc.host_path:
            self.host_paths.add(item.words.host_path)
        if item.words.token_secret and item.words.token_secret != facts().token_secret:
            self.token_secrets.add(item.words.token_secret)
        for key in item.words.secrets:
            self.lose(item, f"{key} is left out", "it may be a secret, which stands in no file")
        own = item.step.internalService
        namespace, here = own and own.nameSpace, self.connector.document.metadata.namespace
        if namespace and namespace != here:
            path = (*item.path, "internalService", "nameSpace")
            self.connector.fail("the operator deploys a graph in one namespace", path, "take nameSpace out")

    def _service(self, item: Found) -> None:
        name = self._name(item)
        self.names[item.node, item.index] = name
        fields: dict[str, Any] = {"type": item.facts.type, **self._flow_fields(item)}
        if item.step.externalService:
            fields |= self._external(item)
        else:
            fields |= self._internal(item, name)
        try:
            self.models[name] = ServiceModel.model_validate(fields)
        except ValidationError as error:
            path = _path_of(item, str(error.errors()[0]["loc"][0]))
            message = "the unified language refuses this value"
            hint = "an endpoint is a path, a url has neither a user's name nor a query"
            raise ApplicationError(
                message, code="bad-value", location=self.connector.source.location(path), hint=hint
            ) from None

    def _flow_fields(self, item: Found) -> dict[str, Any]:
        root = facts().root
        plain = item.node == root and self.connector.nodes[root].routerType is NodeKind.SEQUENCE
        if not plain or item.step.is_downstream:
            return {}
        step = item.step
        return {"condition": step.condition or None, "dependency": step.dependency}

    def _external(self, item: Found) -> dict[str, Any]:
        url = item.step.externalService or ""
        if item.step.internalService:
            self.lose(item, "its internalService is left out", "externalService wins in the operator")
        path = url.partition("://")[2].partition("/")[2]
        return {"url": url, **({"endpoint": "/"} if path in ("", "v1") else {})}

    def _internal(self, item: Found, name: str) -> dict[str, Any]:
        server = self._server(item, name)
        environment = {key: value for key, value in item.words.variables.items() if value}
        return {"endpoint": item.words.endpoint or None, "environment": environment, **server}

    def _server(self, item: Found, name: str) -> dict[str, Any]:
        row = load_release(facts().release).services[item.facts.type]
        if not row.server:
            return {}
        behind = self._behind(item)
        if behind is None:
            self.lose(item, f"calls a {row.server} of its own", "its step names no server")
            return {}
        self.used[behind.node, behind.step.service] = name
        kind = behind.facts.server
        usual = kind if kind.endswith(slug(name)) else f"{kind}-{slug(name)}"
        self._renamed(behind, usual)
        variables, key = behind.words.variables, behind.facts.model
        model = variables.get(key) or behind.facts.environment.get(key)
        own = {word: value for word, value in variables.items() if word != key}
        device = self.hardware or Hardware.XEON
        usual_step = facts().for_server(kind, device)
        other = {} if usual_step == behind.step.name else {"hardware": behind.facts.hardware[0]}
        fields = {"model": model, "server": {"kind": kind, "environment": own}, **other}
        first = self.equal.setdefault(repr(sorted(fields.items())), behind.step.service)
        if first != behind.step.service:
            self.lose(behind, f"is one with {first}", "services with equal servers share one")
        return fields

    def _renamed(self, behind: Found, usual: str) -> None:
        service = usual
        if self.connector.is_rfc:
            word = behind.facts.rfc.service
            several = sum(other.facts.rfc.service == word for other in self.found) > 1
            service = f"{usual}-service" if several else word
        if behind.step.service != service:
            self.lose(behind, f"is named {service}", "the language names servers and stores itself")

    def _behind(self, item: Found) -> Found | None:
        """The step of a service's own server: the one that its variable names, else the one that follows."""
        row = load_release(facts().release).services[item.facts.type]
        for key, service in item.words.links.items():
            for other in self.found:
                linked = other.node == item.node and other.step.service == service
                if linked and other.facts.server in row.servers and key not in row.environment:
                    return other
        if "" not in item.facts.rfc.keys.values():
            return None
        later = (other for other in self.found if other.node == item.node and other.index > item.index)
        servers = (other for other in later if other.facts.server in row.servers and other.step.is_downstream)
        return next(servers, None) if not item.words.links else None

    def _check_links(self) -> None:
        """What services share in the language, the embedding's server and the store, may differ here."""
        stores: set[str] = set()
        for item in (item for item in self.found if item.facts.type and not item.step.externalService):
            row = load_release(facts().release).services[item.facts.type]
            for key, service in item.words.links.items():
                target = next(
                    other for other in self.found if other.node == item.node and other.step.service == service
                )
                owner = self.used.setdefault((item.node, service), "")
                if target.facts.store:
                    if service not in stores:
                        self._renamed(target, load_release(facts().release).stores["redis"].workload)
                    stores.add(service)
                elif target.facts.server in row.servers:
                    continue
                elif target.facts.server == "tei-embedding" and owner in ("", self._first_embedding()):
                    self._check_bare(item, target, owner)
                else:
                    why = "it is the server of the first embedding, or no server that the service knows"
                    self.lose(item, f"{key} does not name {service}", why)
        if len(stores) > 1:
            what = f"{', '.join(sorted(stores))} are one store"
            self.losses.append(Loss("VectorDB", what, "an application of the language has one vector store"))

    def _first_embedding(self) -> str:
        return next((name for name, model in self.models.items() if model.type == "embedding"), "")

    def _check_bare(self, item: Found, target: Found, owner: str) -> None:
        """Without an embedding service, its server comes as the catalogue has it."""
        model = target.words.variables.get(target.facts.model)
        usual = load_release(facts().release).services["embedding"].model
        if self._first_embedding() and not owner:
            why = "a service calls the server of the application's embedding"
            self.lose(item, f"does not call {target.step.service}", why)
        elif not owner and model not in (None, usual):
            self.lose(target, f"its model is {usual}", "no embedding service tells its model")

    def _name(self, item: Found) -> str:
        """A service's name: its Service's, or its type where the RFC's dialect or nothing names it."""
        service, kind = item.step.service, item.facts.type
        if (
            not service
            or item.step.externalService
            or (self.connector.is_rfc and service == item.facts.rfc.service)
        ):
            wanted = kind
        elif self.connector.is_rfc:
            wanted = service.removesuffix("-service")
        else:
            wanted = service
        name = _canonical(wanted)
        if name in _RESERVED or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", name):
            name = kind
        numbers = (f"{name}-{number}" for number in range(2, 1000))
        taken = {slug(other) for other in self.models}
        free = name if slug(name) not in taken else next(word for word in numbers if slug(word) not in taken)
        if service and not item.step.externalService and free != service and wanted == service:
            self.lose(item, f"is named {free}", "the language has another use for the name")
        return free


def _canonical(name: str) -> str:
    for kind in service_types().values():
        if name.lower() in (kind.name, *kind.aliases):
            return kind.name
    return name


def _path_of(item: Found, key: str) -> KeyPath:
    config: KeyPath = (*item.path, "internalService", "config")
    places: dict[str, KeyPath] = {
        "url": (*item.path, "externalService"),
        "endpoint": (*config, "endpoint"),
        "condition": (*item.path, "condition"),
        "environment": config,
    }
    return places.get(key, item.path)
