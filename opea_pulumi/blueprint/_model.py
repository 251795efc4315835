"""The waist: a concrete, target-neutral description of everything that is deployed."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from opea_pulumi.flow import Flow, Node, Step
from opea_pulumi.terms import Hardware, Orchestrator, Profile


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LiteralValue(_Part):
    """A value that is known now and no secret."""

    kind: Literal["literal"] = "literal"
    value: str


class SecretValue(_Part):
    """The value of one of the blueprint's secrets; left out of the environment when it has none."""

    kind: Literal["secret"] = "secret"
    secret: str


class EndpointValue(_Part):
    """Where another workload listens; the target fills in ``{host}`` and ``{port}`` of ``format``.

    With ``secret``, the value of one of the blueprint's secrets stands for ``{secret}``, and the
    whole is as secret as that.
    """

    kind: Literal["endpoint"] = "endpoint"
    workload: str
    format: str = "http://{host}:{port}"
    secret: str = ""


class PathValue(_Part):
    """The folder where one of the workload's volumes is mounted."""

    kind: Literal["path"] = "path"
    volume: str


class SecretFileValue(_Part):
    """The path of a file that holds one of the blueprint's secrets; the target decides where it lies."""

    kind: Literal["secret_file"] = "secret_file"
    secret: str


Value = Annotated[
    LiteralValue | SecretValue | SecretFileValue | EndpointValue | PathValue, Field(discriminator="kind")
]


class Port(_Part):
    """Where a workload listens: ``number`` by itself, ``requested`` when the user asked for one."""

    number: int
    requested: int | None = None


class Health(_Part):
    """How a target sees that a workload serves.

    GET ``path`` answers 2xx, or ``command`` in its container exits with 0; with neither, the port
    accepts connections. ``port`` is ``None`` for the workload's own. With ``tls`` the path is asked
    by HTTPS; who asks does not check the certificate, which is not made for 127.0.0.1. ``interval``
    and ``start_budget`` are seconds.
    """

    path: str = ""
    port: int | None = None
    command: tuple[str, ...] = ()
    interval: int = 5
    start_budget: int
    tls: bool = False


class Resources(_Part):
    """Requests in Kubernetes notation; ``accelerators`` counts cards of the resource ``accelerator``."""

    cpu: str
    memory: str
    ephemeral_storage: str = "1Gi"
    accelerator: str = ""
    accelerators: int = 0
    hugepages: str = ""


class Autoscaling(_Part):
    """Replicas between ``min`` and ``max`` so that the sum of ``series`` per replica is about ``target``."""

    min: int
    max: int
    series: tuple[str, ...]
    target: int


class Mount(_Part):
    """A volume and the path at which a container sees it."""

    volume: str
    path: str
    read_only: bool = False


class FileMount(_Part):
    """A file with this content at ``path`` (absolute)."""

    path: str
    content: str


class Security(_Part):
    """The Pod Security profile that a workload meets, and its exceptions by name with their reasons.

    ``user`` and ``group`` are numeric; ``writable`` are folders of the container that it writes to
    beside its mounts (everything else is read-only).
    """

    profile: Literal["restricted"] = "restricted"
    user: int = 1000
    group: int = 1000
    writable: tuple[str, ...] = ("/tmp",)  # noqa: S108 - a folder of the container
    exceptions: dict[str, str] = Field(default_factory=dict)
    evidence: str = "assumed"


Role = Literal["microservice", "server", "store", "router", "megaservice", "ui", "gateway", "prefetch"]
"""What a workload is for; ``prefetch`` runs once to its end, before the workloads that need it."""


class Workload(_Part):
    """One thing that runs; the target fills in ``{host}``, ``{port}`` and ``{graph}`` in ``args``.

    ``entrypoint``, ``shell`` and ``http_client`` are the image's own (see the catalogue).
    ``downstreams`` are the workloads that it calls; ``after`` those that must have run or be healthy
    before it starts. ``egress``: ``hub`` calls the model hub, ``remote`` other services outside. A
    ``prefetch`` step listens on no port: its number is 0.
    """

    name: str
    role: Role
    type: str
    image: str
    entrypoint: tuple[str, ...] = ()
    shell: str = "sh"
    http_client: Literal["python", "curl", "wget", "bash", ""] = "python"
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: dict[str, Value] = Field(default_factory=dict)
    port: Port
    other_ports: tuple[int, ...] = ()
    health: Health
    resources: Resources
    hardware: Hardware | None = None
    model: str = ""
    shared_memory: str = ""
    mounts: tuple[Mount, ...] = ()
    files: tuple[FileMount, ...] = ()
    replicas: int = 1
    autoscaling: Autoscaling | None = None
    security: Security = Security()
    downstreams: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    egress: tuple[Literal["hub", "remote"], ...] = ()


class Volume(_Part):
    """Data that outlives the workloads that mount it; ``shared``: several workloads write it.

    ``host_path`` or ``claim`` (of Kubernetes) when the user brings the place.
    """

    name: str
    size: str
    purpose: str
    shared: bool = False
    host_path: str = ""
    claim: str = ""
    storage_class: str = ""


class Secret(_Part):
    """A secret: the stack's config key (namespace ``opea``), else one of the environment variables.

    ``generate``: a random value does when none is given. ``existing`` and ``key`` name one that is
    there already, where the application is deployed.
    """

    name: str
    config: str
    environment: tuple[str, ...]
    purpose: str
    generate: bool = False
    existing: str = ""
    key: str = ""


class Exposure(_Part):
    """How users reach the application: ``kind`` as in ``opea_deployment.expose``, and the host's name.

    ``address`` (and ``port``, if one is asked for) are where one machine listens. ``auth`` is what was
    asked for; ``keys`` and ``tls`` are what the router does: it checks API keys, it speaks TLS.
    ``is_public``: ``address`` can be reached from other machines; ``protected``: with keys and TLS only.
    """

    kind: Literal["none", "load_balancer", "ingress", "gateway"] = "none"
    host: str = ""
    address: str = "127.0.0.1"
    port: int | None = None
    auth: Literal["none", "api_key", "oidc"] = "none"
    keys: bool = False
    tls: bool = False

    @property
    def is_public(self) -> bool:
        """Whether other machines reach the address."""
        return not ip_address(self.address).is_loopback

    @property
    def protected(self) -> bool:
        """Whether nobody without a key gets in, and nobody reads along."""
        return self.keys and self.tls

    @property
    def scheme(self) -> str:
        """Of the address that users ask."""
        return "https" if self.tls else "http"

    @property
    def bound(self) -> str:
        """The address as it stands before a port: IPv6 in brackets."""
        return f"[{self.address}]" if ":" in self.address else self.address

    @property
    def reached(self) -> str:
        """The host in addresses for users: its name, else the address; the loopback for all addresses."""
        if self.tls and self.host:
            return self.host
        return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.address, self.bound)  # noqa: S104


class Settings(_Part):
    """What holds for every workload of the application, whatever the target."""

    namespace: str = ""
    image_registry: str = ""
    image_pull_secret: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    exposure: Exposure = Exposure()
    monitoring: bool = False
    istio: bool = False


class Patch(_Part):
    """A change to what one target makes, after everything else (see the language's ``patches``)."""

    target: str
    workload: str = ""
    kind: str = ""
    json_patch: tuple[dict[str, Any], ...] = ()
    merge: dict[str, Any] = Field(default_factory=dict)
    path: str = ""


class Route(_Part):
    """What users reach: a workload and the endpoint on it."""

    workload: str
    endpoint: str


_SCHEME = "workload://"


class Blueprint(_Part):
    """Everything that a target deploys; ``workloads`` stand in the order in which they can start.

    ``application`` is the name of the known one, ``flow`` the graph (also where a megaservice image
    runs it by itself).
    """

    name: str
    application: str = ""
    profile: Profile
    release: str
    hardware: Hardware
    orchestrator: Orchestrator
    workloads: tuple[Workload, ...]
    volumes: tuple[Volume, ...] = ()
    secrets: tuple[Secret, ...] = ()
    route: Route
    ui: str = ""
    flow: Flow
    settings: Settings = Settings()
    patches: tuple[Patch, ...] = ()

    def workload(self, name: str) -> Workload:
        """The workload of a name; ``KeyError`` when there is none."""
        for item in self.workloads:
            if item.name == name:
                return item
        raise KeyError(name)

    def resolved_flow(self, url_of: Callable[[str], str]) -> Flow:
        """The graph with real addresses: ``url_of`` gives a workload's base URL, such as ``http://host:1``."""
        nodes = {name: _resolve(node, url_of) for name, node in self.flow.nodes.items()}
        return self.flow.model_copy(update={"nodes": nodes})

    def flow_workloads(self) -> tuple[str, ...]:
        """The workloads that the graph addresses, in its order."""
        urls = (step.service_url for node in self.flow.nodes.values() for step in node.steps)
        return tuple(dict.fromkeys(_split(url)[0] for url in urls if url.startswith(_SCHEME)))


def workload_url(workload: str, path: str) -> str:
    """A symbolic address in the blueprint's graph."""
    return f"{_SCHEME}{workload}{path}"


def _split(url: str) -> tuple[str, str]:
    workload, _, path = url.removeprefix(_SCHEME).partition("/")
    return workload, f"/{path}"


def _resolve(node: Node, url_of: Callable[[str], str]) -> Node:
    def resolve(step: Step) -> Step:
        if not step.service_url.startswith(_SCHEME):
            return step
        workload, path = _split(step.service_url)
        return step.model_copy(update={"service_url": url_of(workload) + path})

    return node.model_copy(update={"steps": tuple(resolve(step) for step in node.steps)})
