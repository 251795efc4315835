"""The unified language as frozen models (design: the RFC's two keys and optional additions)."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from opea_pulumi.flow import Dependency, NodeKind
from opea_pulumi.terms import Hardware, Orchestrator, Profile

from ._mega_flow import MegaFlow

MAX_SERVICES = 100
"""Far above any application; it bounds the edges that ``(a, b) >> (c, d)`` can multiply into."""


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.hostname and parts.port != 0
    except ValueError:  # no IPv6 address, or a port beyond 65535
        good = False
    if not good:
        raise ValueError("names no host, or no port that there is")
    return url


def _inside(path: str) -> str:
    if ".." in path.split("/"):
        raise ValueError("leaves the application's folder")
    return path


Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Endpoint = Annotated[str, Field(pattern=r"^/[^\s?#{}]*$")]
# neither a user's name nor a query: both are places for keys, and endpoints are joined to the url
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@\\]+(/[^\s?#]*)?$"), AfterValidator(_checked_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
SecretName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Label = Annotated[str, Field(pattern=r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
Count = Annotated[int, Field(ge=1, le=1000, strict=True)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
MountPath = Annotated[str, Field(pattern=r"^/[^\s:{}]*$")]
RelativePath = Annotated[str, Field(pattern=r"^[^\s\\{}/][^\s\\{}]*$"), AfterValidator(_inside)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ResourcesSpec(_Part):
    """Requests in Kubernetes notation; what is ``None`` is the catalogue's or the estimate's to say.

    ``accelerators`` counts cards, ``accelerator_memory`` is what one of them holds.
    """

    cpu: Quantity | None = None
    memory: Quantity | None = None
    ephemeral_storage: Quantity | None = None
    accelerators: Annotated[int, Field(ge=1, le=64, strict=True)] | None = None
    accelerator_memory: Quantity | None = None


class AutoscalingSpec(_Part):
    """Replicas by load: between ``min`` and ``max``; ``target`` is the queue metric per replica."""

    min: Count = 1
    max: Count = 4
    target: Annotated[int, Field(ge=1, strict=True)] | None = None


class ServerSpec(_Part):
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


class MicroServiceSpec(_Part):
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
    beside: bool | None = None


class ModelCacheSpec(_Part):
    """Where the models' weights lie: a volume of ``size``, a claim, or a ``path`` of the host."""

    kind: Literal["volume", "claim", "host_path"] = "volume"
    name: Name | None = None
    path: MountPath | None = None
    size: Quantity | None = None
    storage_class: Name | None = None


class ProxySpec(_Part):
    """What every workload finds as ``http_proxy``, ``https_proxy`` and ``no_proxy``."""

    http: Url | None = None
    https: Url | None = None
    no: Text | None = None


class SecretSpec(_Part):
    """A secret that is there already: its ``name`` where it is deployed, and the ``key`` in it."""

    source: Annotated[Literal["existing"], Field(alias="from")]
    name: Name
    key: Name | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class DeploymentSpec(_Part):
    """``opea_deployment``: how it is deployed, unless a stack's config or a flag says otherwise.

    ``secrets`` are by the application's names for them, such as ``hf-token``.
    """

    profile: Profile | None = None
    hardware: Hardware | None = None
    vector_store: Text | None = None
    namespace: Name | None = None
    expose: Literal["none", "load_balancer", "ingress", "gateway"] | None = None
    host: Text | None = None
    ui: bool | None = None
    image_registry: Text | None = None
    image_pull_secret: Name | None = None
    model_cache: ModelCacheSpec | None = None
    hub_mirror: Url | None = None
    offline: bool | None = None
    proxy: ProxySpec | None = None
    labels: dict[Label, str] = Field(default_factory=dict)
    auth: Literal["none", "api_key", "oidc"] | None = None
    monitoring: bool | None = None
    istio: bool | None = None
    allocator: Literal["static", "dynamic"] | None = None
    secrets: dict[SecretName, SecretSpec] = Field(default_factory=dict)


class StepSpec(_Part):
    """One step of a node: the ``name`` of a service or of another node; may be written as the name alone."""

    name: Name
    condition: Text | None = None
    dependency: Dependency | None = None


def _named_step(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class NodeSpec(_Part):
    """A node of the flow, as GMConnector knows them: how its steps run."""

    kind: NodeKind
    steps: list[Annotated[StepSpec, BeforeValidator(_named_step)]] = Field(min_length=1)


class MegaServiceSpec(_Part):
    """``opea_mega_service`` as it is written; ``nodes`` may stand in ``mega_flow`` like services."""

    port: Port | None = None
    endpoint: Endpoint | None = None
    orchestrator: Orchestrator | None = None
    mega_flow: list[str] = Field(default_factory=list)
    nodes: dict[Name, NodeSpec] = Field(default_factory=dict)


class PatchSpec(_Part):
    """A change to what a target makes: JSON patch operations (RFC 6902) or a strategic merge.

    ``workload`` and ``kind`` (of a Kubernetes object) narrow it down; without them it is for all.
    """

    target: Text
    workload: Name | None = None
    kind: Text | None = None
    json_patch: list[dict[str, Any]] | None = None
    merge: dict[str, Any] | None = None


class Document(_Part):
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


class MegaService(_Part):
    """The mega service: ``port`` is ``None`` where any free one will do.

    A known application (``opea_app``) may leave ``flow`` empty; then ``endpoint`` is ``None``
    unless given, and the catalogue says both.
    """

    port: Port | None = None
    endpoint: Endpoint | None = None
    orchestrator: Orchestrator | None = None
    flow: MegaFlow
    nodes: dict[str, NodeSpec] = Field(default_factory=dict)


class Application(_Part):
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
        return self.model_copy(update={"services": services})

    def to_document(self) -> dict[str, object]:
        """The application in the unified language, as plain data that loads back to an equal one."""
        services = {
            service.alias or name: service.model_dump(mode="json", exclude_defaults=True, exclude={"alias"})
            for name, service in self.services.items()
        }
        mega = {
            "port": self.mega.port,
            "endpoint": self.mega.endpoint,
            "mega_flow": self.mega.flow.to_lines(),
        }
        document: dict[str, object] = {
            "opea_app": self.name,
            "opea_release": self.release,
            "opea_micro_services": services,
            "opea_mega_service": {key: value for key, value in mega.items() if value},
            "opea_deployment": self.deployment.model_dump(mode="json", exclude_none=True),
        }
        return {key: value for key, value in document.items() if value}
