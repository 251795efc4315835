"""The unified language as frozen models (design: the RFC's two keys and optional additions)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from opea_pulumi.flow import Dependency, NodeKind
from opea_pulumi.terms import Hardware, Orchestrator

from ._deployment import DeploymentSpec, PatchSpec
from ._fields import (
    Cores,
    Count,
    Endpoint,
    Flag,
    Memory,
    MountPath,
    Name,
    Part,
    Port,
    RelativePath,
    SecretName,
    Text,
    Url,
    Variable,
)
from ._mega_flow import MegaFlow

MAX_SERVICES = 100
"""Far above any application; it bounds the edges that ``(a, b) >> (c, d)`` can multiply into."""


class ResourcesSpec(Part):
    """Requests in Kubernetes notation; what is ``None`` is the catalogue's or the estimate's to say.

    ``accelerators`` counts cards, ``accelerator_memory`` is what one of them holds.
    """

    cpu: Cores | None = None
    memory: Memory | None = None
    ephemeral_storage: Memory | None = None
    accelerators: Annotated[int, Field(ge=1, le=64, strict=True)] | None = None
    accelerator_memory: Memory | None = None


class AutoscalingSpec(Part):
    """Replicas by load: between ``min`` and ``max``; ``target`` is the queue metric per replica."""

    min: Count = 1
    max: Count = 4
    target: Annotated[int, Field(ge=1, strict=True)] | None = None


class ServerSpec(Part):
    """The model server behind a microservice: its ``kind``, and what differs from the catalogue.

    ``args`` are added to the catalogue's; ``command`` replaces the image's own.
    """

    kind: Text | None = None
    image: Text | None = None
    command: list[str] | None = None
    args: list[str] = Field(default_factory=list)
    environment: dict[Variable, str] = Field(default_factory=dict)
    replicas: Count | None = None
    resources: ResourcesSpec | None = None
    autoscaling: AutoscalingSpec | None = None


def _named_server(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class MicroServiceSpec(Part):
    """One entry of ``opea_micro_services``; what is ``None`` is the catalogue's to say.

    ``server`` may be written as its kind alone. ``uses`` gives an environment variable the address
    of another service; ``files`` puts files of the application's folder at absolute paths.
    ``condition`` and ``dependency`` belong to the service's step of the flow (GMConnector's words).
    ``beside``: it is no step of the flow; others call it. ``secrets`` gives an environment variable
    the value of a secret by its name, such as ``weather-api-key``.
    """

    endpoint: Endpoint | None = None
    port: Port | None = None
    type: Text | None = None
    model: Text | None = None
    server: Annotated[ServerSpec | None, BeforeValidator(_named_server)] = None
    hardware: Hardware | None = None
    image: Text | None = None
    url: Url | None = None
    environment: dict[Variable, str] = Field(default_factory=dict)
    uses: dict[Variable, Name] = Field(default_factory=dict)
    secrets: dict[Variable, SecretName] = Field(default_factory=dict)
    files: dict[MountPath, RelativePath] = Field(default_factory=dict)
    replicas: Count | None = None
    resources: ResourcesSpec | None = None
    autoscaling: AutoscalingSpec | None = None
    condition: Text | None = None
    dependency: Dependency | None = None
    beside: Flag | None = None


class StepSpec(Part):
    """One step of a node: the ``name`` of a service or of another node; may be written as the name alone."""

    name: Name
    condition: Text | None = None
    dependency: Dependency | None = None


def _named_step(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class NodeSpec(Part):
    """A node of the flow, as GMConnector knows them: how its steps run."""

    kind: NodeKind
    steps: list[Annotated[StepSpec, BeforeValidator(_named_step)]] = Field(min_length=1)


class MegaServiceSpec(Part):
    """``opea_mega_service`` as it is written; ``nodes`` may stand in ``mega_flow`` like services."""

    port: Port | None = None
    endpoint: Endpoint | None = None
    orchestrator: Orchestrator | None = None
    mega_flow: list[str] = Field(default_factory=list)
    nodes: dict[Name, NodeSpec] = Field(default_factory=dict, max_length=MAX_SERVICES)


class Document(Part):
    """The whole unified YAML as it is written; :class:`Application` is what it means."""

    opea_app: Name | None = None
    opea_release: Text | None = None
    opea_micro_services: dict[Name, MicroServiceSpec | None] = Field(
        default_factory=dict, max_length=MAX_SERVICES
    )
    opea_mega_service: MegaServiceSpec = Field(default_factory=MegaServiceSpec)
    opea_deployment: DeploymentSpec = Field(default_factory=DeploymentSpec)
    patches: list[PatchSpec] = Field(default_factory=list)


class MicroService(MicroServiceSpec):
    """A microservice with its type known; ``alias`` is the name it was given when that was an alias."""

    type: str
    alias: str = ""


class MegaService(Part):
    """The mega service: ``port`` is ``None`` where any free one will do.

    A known application (``opea_app``) may leave ``flow`` empty; then ``endpoint`` is ``None``
    unless given, and the catalogue says both.
    """

    port: Port | None = None
    endpoint: Endpoint | None = None
    orchestrator: Orchestrator | None = None
    flow: MegaFlow
    nodes: dict[str, NodeSpec] = Field(default_factory=dict)


class Application(Part):
    """A GenAI application, target-neutral: what the YAML and the Python interface both build.

    ``name`` is ``opea_app``: set, it makes the application one that the catalogue knows.
    """

    name: str | None = None
    release: str | None = None
    services: dict[str, MicroService] = Field(default_factory=dict)
    mega: MegaService
    deployment: DeploymentSpec = Field(default_factory=DeploymentSpec)
    patches: tuple[PatchSpec, ...] = ()

    def canonical(self) -> Application:
        """The same application without the aliases it was written with; services in the flow's order."""
        order = {name: index for index, name in enumerate(self.mega.flow.nodes)}
        names = sorted(self.services, key=lambda name: (order.get(name, len(order)), name))
        services = {name: self.services[name].model_copy(update={"alias": ""}) for name in names}
        mega = self.mega.model_copy(update={"nodes": dict(sorted(self.mega.nodes.items()))})
        return self.model_copy(update={"services": services, "mega": mega})

    def to_document(self) -> dict[str, object]:
        """The application in the unified language, as plain data that loads back to an equal one."""
        mega: dict[str, object] = {
            "port": self.mega.port,
            "endpoint": self.mega.endpoint,
            "orchestrator": str(self.mega.orchestrator or ""),
            "mega_flow": self.mega.flow.to_lines(),
            "nodes": {name: _plain_node(node) for name, node in self.mega.nodes.items()},
        }
        document: dict[str, object] = {
            "opea_app": self.name,
            "opea_release": self.release,
            "opea_micro_services": {
                service.alias or name: _plain_service(service) for name, service in self.services.items()
            },
            "opea_mega_service": {key: value for key, value in mega.items() if value},
            "opea_deployment": _plain(self.deployment),
            "patches": [_plain(patch) for patch in self.patches],
        }
        return {key: value for key, value in document.items() if value}


def _plain(part: Part) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _plain_service(service: MicroService) -> dict[str, Any]:
    data = _plain(service)
    data.pop("alias", None)
    if list(data.get("server", ())) == ["kind"]:
        data["server"] = data["server"]["kind"]
    return data


def _plain_node(node: NodeSpec) -> dict[str, Any]:
    steps = [_plain(step) for step in node.steps]
    return {
        "kind": str(node.kind),
        "steps": [step["name"] if list(step) == ["name"] else step for step in steps],
    }
