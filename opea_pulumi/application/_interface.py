"""The RFC's Python interface: the same Application, built by calls.

Names and keyword arguments follow OPEA's ``comps.MicroService`` and ``comps.ServiceOrchestrator``
(GenAIComps 1.5, comps/cores/mega) as far as they describe a deployment; nothing is started here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from opea_pulumi.errors import ApplicationError, Location, shown

from ._mega_flow import MegaFlow
from ._model import Application
from ._source import Source
from ._types import canonical_name, infer_type, service_types
from ._validate import application_of


class MicroService:
    """One microservice of an application.

    Args:
        name: what the flow calls it; its type is inferred from it unless ``service_type`` is given.
        port: its port, 1 to 65535; ``None``: any free one.
        expose_endpoint: its path, such as ``/v1/embeddings`` (``endpoint`` is the same).
        use_remote_service: with ``host`` or ``url``, the service is external and nothing is deployed
            for it; without, it is a separate service that the stack deploys, as is the default.
        host, protocol: where an external service runs, when no ``url`` says it whole.
        service_type: a type name, or a member of an enum such as ``comps.ServiceType``.
        uses: environment variables that get the address of another service (itself, or its name).
        model, environment, image, server, hardware, replicas, resources, autoscaling, secrets,
        files, condition, dependency, beside: as in the unified YAML.
    """

    def __init__(
        self,
        name: str,
        *,
        port: int | None = None,
        expose_endpoint: str | None = None,
        endpoint: str | None = None,
        use_remote_service: bool = False,
        host: str | None = None,
        protocol: str = "http",
        url: str | None = None,
        service_type: str | Enum | None = None,
        model: str | None = None,
        environment: dict[str, str] | None = None,
        image: str | None = None,
        server: str | Mapping[str, Any] | None = None,
        hardware: str | None = None,
        replicas: int | None = None,
        resources: Mapping[str, Any] | None = None,
        autoscaling: Mapping[str, Any] | None = None,
        uses: Mapping[str, str | MicroService] | None = None,
        secrets: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        condition: str | None = None,
        dependency: str | None = None,
        beside: bool | None = None,
    ) -> None:
        self.name = name
        if use_remote_service and host and not url:
            url = f"{protocol}://{host}" + (f":{port}" if port else "")
            port = None  # the remote one's: nothing here listens on it
        kind = service_type.name.lower() if isinstance(service_type, Enum) else service_type
        self.spec: dict[str, Any] = {
            "port": port,
            "endpoint": expose_endpoint or endpoint,
            "url": url,
            "type": kind,
            "model": model,
            "environment": environment,
            "image": image,
            "server": server if isinstance(server, str) else _copied(server),
            "hardware": hardware,
            "replicas": replicas,
            "resources": _copied(resources),
            "autoscaling": _copied(autoscaling),
            "uses": uses and {key: _name_of(item) for key, item in uses.items()},
            "secrets": _copied(secrets),
            "files": _copied(files),
            "condition": condition,
            "dependency": dependency,
            "beside": beside,
        }


class ServiceOrchestrator:
    """The mega service: microservices and the flow between them.

    Args:
        port: the port that users call; ``None``: any free one.
        endpoint: its path, such as ``/v1/chatqna``; by default the one of the flow's kind.
        orchestrator: who runs the flow: ``router``, ``megaservice``, ``gmc`` or ``none``.
        app: the name of an application that the catalogue knows (``opea_app``); without any
            ``flow_to``, the flow is that application's.
        deployment: ``opea_deployment`` of the unified YAML.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        endpoint: str | None = None,
        orchestrator: str | None = None,
        app: str | None = None,
        deployment: dict[str, Any] | None = None,
    ) -> None:
        self._mega = {"port": port, "endpoint": endpoint, "orchestrator": orchestrator}
        self._app = app
        self._deployment = deployment
        self._services: dict[str, MicroService] = {}
        self._edges: list[tuple[str, str]] = []

    def add(self, service: MicroService) -> ServiceOrchestrator:
        """Add a microservice.

        Raises:
            ApplicationError: one of that name, or an alias of it, is there already.
        """
        name = canonical_name(service.name)
        if name in self._services:
            raise _error(
                "duplicate-service", f"a service {shown(service.name)} is there already", service.name
            )
        self._services[name] = service
        return self

    def flow_to(self, before: MicroService, after: MicroService) -> ServiceOrchestrator:
        """Let the answer of one service go to another.

        Raises:
            ApplicationError: one of them was not added, or the flow would run in a circle.
        """
        edge = (canonical_name(before.name), canonical_name(after.name))
        for service, name in zip((before, after), edge, strict=True):
            if name not in self._services:
                raise _error(
                    "unknown-service",
                    f"service {shown(service.name)} was not added",
                    service.name,
                    "call add() first",
                )
        try:
            MegaFlow.of((), [*self._edges, edge])
        except ValueError as error:
            raise _error("cycle", f"the flow would run in a circle: {error}", after.name) from None
        self._edges.append(edge)
        return self

    def application(self) -> Application:
        """The application described so far.

        Raises:
            ApplicationError: as for the same description in YAML.
        """
        alone = () if self._edges or self._app else self._steps()
        flow = MegaFlow.of(alone, self._edges)
        document = {
            "opea_app": self._app,
            "opea_micro_services": {item.name: _without_none(item.spec) for item in self._services.values()},
            "opea_mega_service": {**_without_none(self._mega), "mega_flow": flow.to_lines()},
            "opea_deployment": self._deployment,
        }
        return application_of(Source(file="python", data=_without_none(document)))

    def _steps(self) -> list[str]:
        kinds = {name: item.spec["type"] or infer_type(item.name) for name, item in self._services.items()}
        side = {kind.name for kind in service_types().values() if kind.side}
        beside = {name for name, item in self._services.items() if item.spec["beside"]}
        return [
            name
            for name, kind in kinds.items()
            if canonical_name(kind or name) not in side and name not in beside
        ]


def _copied(mapping: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if mapping is None else dict(mapping)


def _name_of(service: str | MicroService) -> str:
    return service if isinstance(service, str) else service.name


def _without_none(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


def _error(code: str, message: str, name: str, hint: str = "") -> ApplicationError:
    return ApplicationError(message, code=code, location=Location(path=name), hint=hint)
