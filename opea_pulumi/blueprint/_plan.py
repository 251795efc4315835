"""What a blueprint is made from, and the questions that its parts ask about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from opea_pulumi.application import Application, ServiceModel, slug
from opea_pulumi.catalog import MegaserviceRow, Release, ServerRow, ServiceRow, StoreRow, models
from opea_pulumi.errors import BlueprintError, Location, shown
from opea_pulumi.flow import CONTRACTS
from opea_pulumi.terms import Hardware, Orchestrator, Profile

DIMENSIONS = 768
"""Of an embedding whose model the catalogue does not know: OPEA's own default (BAAI/bge-base-en-v1.5)."""


def blueprint_error(code: str, message: str, path: str, hint: str = "") -> BlueprintError:
    """An error at a key path of the application; who read the file adds the line."""
    return BlueprintError(message, code=code, location=Location(path=path), hint=hint)


@dataclass(frozen=True)
class Plan:
    """A complete application, the release that it is deployed with, hardware, and who runs the flow.

    ``bare`` services are there for their model servers alone, which others call. ``files`` are the
    contents of the application's own files, by their paths in its folder.
    """

    application: Application
    bare: frozenset[str]
    release: Release
    hardware: Hardware
    orchestrator: Orchestrator
    files: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def flow_services(self) -> tuple[str, ...]:
        """The services of the flow in its order, those of nested nodes in their node's place."""
        return tuple(self._expanded(self.application.mega.flow.nodes))

    def _expanded(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            node = self.application.mega.nodes.get(name)
            if node is None:
                yield name
            else:
                yield from self._expanded(step.name for step in node.steps)

    @cached_property
    def services(self) -> dict[str, ServiceModel]:
        """Those of the flow in its order, then the ones beside it by name."""
        services, flow = self.application.services, self.flow_services
        return {name: services[name] for name in (*flow, *sorted(services.keys() - set(flow)))}

    @cached_property
    def deployed(self) -> tuple[str, ...]:
        """The services that run here: neither those elsewhere nor those that a megaservice image replaces."""
        direct = set(self.megaservice.direct) if self.megaservice else set()
        return tuple(
            name
            for name, service in self.services.items()
            if not self.is_external(name) and name not in self.bare and service.type not in direct
        )

    @cached_property
    def megaservice(self) -> MegaserviceRow | None:
        """OPEA's image that runs the flow; ``None`` when something else does."""
        if self.orchestrator is not Orchestrator.MEGASERVICE:
            return None
        return self.release.megaservices[self.application.name or ""]

    def path(self, name: str, *keys: str) -> str:
        """The key path of a service, or of one of its keys, as the user wrote its name."""
        return ".".join(("opea_micro_services", self.given_name(name), *keys))

    def given_name(self, name: str) -> str:
        """A service's name as the user wrote it."""
        return self.services[name].alias or name

    def is_external(self, name: str) -> bool:
        """Whether a service is somewhere else and called at its ``url``."""
        service = self.services[name]
        row = self.release.services.get(service.type)
        return bool(service.url) and (row is None or not row.remote)

    def row(self, name: str) -> ServiceRow:
        """The release's row of a service, as it is on its hardware.

        Raises:
            BlueprintError: the release does not offer its type.
        """
        kind = self.services[name].type
        if kind not in self.release.services:
            # elsewhere it can be, if our router runs the flow and can speak to it
            reached = kind in CONTRACTS and Orchestrator.ROUTER in self.release.orchestrators
            elsewhere = "; or give it a url" if reached else ""
            hint = f"offered: {', '.join(sorted(self.release.services))}{elsewhere}"
            message = f"{self.release_name} has no {kind} service"
            raise blueprint_error("no-such-service", message, self.path(name), hint)
        row = self.release.services[kind]
        device = row.devices.get(self.device(name))
        if device is None:
            return row
        changed = {
            key: getattr(device, key) for key in device.model_fields_set if getattr(device, key) is not None
        }
        environment = {**row.environment, **device.environment}
        return row.model_copy(update={**changed, "environment": environment})

    @property
    def release_name(self) -> str:
        """What messages call the release."""
        embedded = self.release.profile is Profile.EMBEDDED
        return f"profile {self.release.profile}" if embedded else f"release {self.release.release}"

    def first_of(self, kind: str) -> str | None:
        """The first service of a type; ``None`` when there is none."""
        return next((name for name, service in self.services.items() if service.type == kind), None)

    def model(self, name: str) -> str:
        """The model of a service: its own, else the release's."""
        return self.services[name].model or self.row(name).model

    def device(self, name: str) -> Hardware:
        """What the server behind a service runs on."""
        return self.services[name].hardware or self.hardware

    def server_kind(self, name: str) -> str:
        """Which model server stands behind a service; empty when none does."""
        service, row = self.services[name], self.row(name)
        given = service.server.kind if service.server else None
        return "" if service.url else given or row.server

    def server_row(self, name: str) -> ServerRow:
        """The release's row of the server behind a service.

        Raises:
            BlueprintError: the release does not have that server, or the service cannot use it.
        """
        kind, usable = self.server_kind(name), self.row(name).servers
        if kind not in self.release.servers or kind not in usable:
            known = kind in self.release.servers
            message = f"release {self.release.release} has no server {shown(kind)}"
            if known:
                message = f"{self.given_name(name)} cannot use the server {shown(kind)}"
            offered = ", ".join(sorted(usable)) or "none, the service is whole in itself"
            raise blueprint_error("no-such-server", message, self.path(name, "server"), f"offered: {offered}")
        return self.release.servers[kind]

    def server_name(self, name: str) -> str:
        """The workload's name of the server behind a service: ``tei-embedding``, ``vllm``, ``tgi-llm``.

        Services that would have equal servers share the first one's.
        """
        first = next(other for other in self._served if self._server_key(other) == self._server_key(name))
        kind = self.server_kind(first)
        return kind if kind.endswith(slug(first)) else f"{kind}-{slug(first)}"

    def owns_server(self, name: str) -> bool:
        """Whether the server behind a service is its own, and not one that an earlier service shares."""
        return (
            next(other for other in self._served if self._server_key(other) == self._server_key(name)) == name
        )

    @cached_property
    def _served(self) -> tuple[str, ...]:
        here = (name for name in self.services if not self.is_external(name))
        return tuple(name for name in here if self.server_kind(name))

    def _server_key(self, name: str) -> object:
        service = self.services[name]
        own = service.server.model_dump_json(exclude={"kind"}, exclude_none=True) if service.server else "{}"
        return (
            self.server_kind(name),
            self.model(name),
            self.device(name),
            own.replace('"args":[],"environment":{}', ""),
        )

    @cached_property
    def vector_store(self) -> str:
        """The name of the vector store.

        Raises:
            BlueprintError: the release does not have it.
        """
        name = self.application.deployment.vector_store or self.release.default_store
        vector = sorted(name for name, row in self.release.stores.items() if row.clients)
        if name not in vector:
            message = f"release {self.release.release} has no vector store {shown(name)}"
            hint = f"offered: {', '.join(vector) or 'none beside its own'}"
            raise blueprint_error("no-such-store", message, "opea_deployment.vector_store", hint)
        return name

    def store(self, name: str) -> StoreRow:
        """A store by its name; an empty one is the vector store."""
        return self.release.stores[name or self.vector_store]

    @cached_property
    def dimensions(self) -> int:
        """Of the vectors that the application's embedding makes."""
        name = self.first_of("embedding")
        if name is None or self.services[name].type not in self.release.services:
            return DIMENSIONS
        known = models().get(self.model(name))
        return known.dimensions if known and known.dimensions else DIMENSIONS
