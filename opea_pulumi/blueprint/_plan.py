"""What a blueprint is made from, and the questions that its parts ask about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from opea_pulumi.application import Application, ServiceModel, slug
from opea_pulumi.catalog import Release, ServerRow, ServiceRow, StoreRow
from opea_pulumi.errors import BlueprintError, Location, shown
from opea_pulumi.flow import CONTRACTS
from opea_pulumi.terms import Hardware


def blueprint_error(code: str, message: str, path: str, hint: str = "") -> BlueprintError:
    """An error at a key path of the application; who read the file adds the line."""
    return BlueprintError(message, code=code, location=Location(path=path), hint=hint)


@dataclass(frozen=True)
class Plan:
    """A complete application, the release that it is deployed with, and the hardware."""

    application: Application
    release: Release
    hardware: Hardware

    @cached_property
    def services(self) -> dict[str, ServiceModel]:
        """Those of the flow in its order, then the ones beside it by name."""
        services, nodes = self.application.services, self.application.mega.flow.nodes
        return {name: services[name] for name in (*nodes, *sorted(services.keys() - set(nodes)))}

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
        """The release's row of a service.

        Raises:
            BlueprintError: the release does not offer its type.
        """
        kind = self.services[name].type
        if kind not in self.release.services:
            # elsewhere it can be, if the router can speak to it
            elsewhere = "; or give it a url" if kind in CONTRACTS else ""
            hint = f"offered: {', '.join(sorted(self.release.services))}{elsewhere}"
            message = f"profile {self.release.profile} has no {kind} service"
            raise blueprint_error("no-such-service", message, self.path(name), hint)
        return self.release.services[kind]

    def first_of(self, kind: str) -> str | None:
        """The first service of a type; ``None`` when there is none."""
        return next((name for name, service in self.services.items() if service.type == kind), None)

    def server_kind(self, name: str) -> str:
        """Which model server stands behind a service; empty when none does."""
        service, row = self.services[name], self.row(name)
        return "" if service.url else service.server or row.server

    def server_row(self, name: str) -> ServerRow:
        """The release's row of the server behind a service.

        Raises:
            BlueprintError: the release does not have that server.
        """
        kind = self.server_kind(name)
        if kind not in self.release.servers:
            message = f"release {self.release.release} has no server {shown(kind)}"
            offered = ", ".join(sorted(self.release.servers)) or "none, the service is whole in itself"
            hint = f"offered: {offered}"
            raise blueprint_error("no-such-server", message, self.path(name, "server"), hint)
        return self.release.servers[kind]

    def server_name(self, name: str) -> str:
        """The workload's name of the server behind a service: ``tei-embedding``, ``vllm``, ``tgi-llm``."""
        kind = self.server_kind(name)
        return kind if kind.endswith(slug(name)) else f"{kind}-{slug(name)}"

    def store(self) -> tuple[str, StoreRow]:
        """The vector store and its row.

        Raises:
            BlueprintError: the release does not have it.
        """
        name = self.application.deployment.vector_store or self.release.default_store
        if name not in self.release.stores:
            message = f"release {self.release.release} has no vector store {shown(name)}"
            hint = f"offered: {', '.join(sorted(self.release.stores)) or 'none beside its own'}"
            raise blueprint_error("no-such-store", message, "opea_deployment.vector_store", hint)
        return name, self.release.stores[name]
