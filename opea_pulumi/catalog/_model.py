"""The shapes of the catalogue's data files; new facts are new rows, not new code."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from opea_pulumi.terms import Hardware, Orchestrator, Profile


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Row):
    """An environment value that is not a literal: an endpoint (maybe with a secret), a secret or a folder.

    ``endpoint`` names another workload: ``server`` is the service's own, ``store`` the vector store,
    ``store.mongo`` the store of that name, ``companion.etcd`` a store's own companion, ``router`` what
    runs the flow, ``embedding`` the first service of that type and ``embedding.server`` its server.
    With ``path``, the service's endpoint is appended. ``format`` knows ``{host}``, ``{port}`` and
    ``{secret}``, the value of ``secret``. A ``secret`` alone is its value (``{service}-api-key``: the
    service's own), ``volume`` the folder where the volume is mounted. ``model`` is the model of the
    first service of that type (``llm``). ``optional`` leaves the variable out when the application
    has no such service.
    """

    endpoint: str = ""
    path: bool = False
    format: str = "http://{host}:{port}"
    secret: str = ""
    volume: str = ""
    model: str = ""
    optional: bool = False

    @model_validator(mode="after")
    def _one(self) -> Reference:
        if sum(map(bool, (self.endpoint or self.secret, self.volume, self.model))) != 1:
            raise ValueError("give an endpoint, a secret, both, or a volume, or a model")
        return self


Environment = dict[str, str | Reference]
"""Literals know ``{model}``, ``{index}``, ``{url}``, ``{port}``, ``{cards}`` and ``{dimensions}``."""

Evidence = Literal["source", "chart", "compose", "assumed"]
"""Where a security need was read: the image's Dockerfile, upstream's chart or compose file, or nowhere."""


HttpClient = Literal["python", "curl", "wget", "bash", ""]


class HealthRow(_Row):
    """How a workload says that it is healthy.

    GET ``path`` answers 2xx, or ``command`` (inside the container) exits with 0, or else the port
    accepts connections. ``port`` when it is not the workload's own; ``interval`` and
    ``start_budget`` in seconds.
    """

    path: str = ""
    port: int | None = None
    command: tuple[str, ...] = ()
    interval: int = 5
    start_budget: int


class ResourcesRow(_Row):
    """Requests in Kubernetes notation (``100m``, ``128Mi``); ``accelerators`` counts cards."""

    cpu: str
    memory: str
    ephemeral_storage: str = "1Gi"
    accelerator: str = ""
    accelerators: int = 0
    hugepages: str = ""


class SecurityRow(_Row):
    """What an image needs of its container, and where that was read.

    ``user`` and ``group`` are numbers (0: root); ``writable`` are folders that it writes to beside
    its volumes; ``exceptions`` are named deviations from Pod Security *restricted*, each with a
    reason: ``root``, ``SYS_NICE``, ``SYS_PTRACE``, ``host-ipc``, ``writable-root``, ``unconfined``.
    """

    user: int = 1000
    group: int = 1000
    writable: tuple[str, ...] = ("/tmp",)  # noqa: S108 - a folder of the container
    exceptions: dict[str, str] = Field(default_factory=dict)
    evidence: Evidence = "chart"


class RunnableRow(_Row):
    """An image and how it runs; ``volumes`` are mount paths by volume.

    ``entrypoint`` is what the image itself starts with, and ``shell`` its shell (empty: it has none):
    both are needed where a secret comes as a file and the image reads only its environment.
    ``http_client`` is what the image has to ask its own health endpoint with.
    """

    image: str
    source: str = ""
    entrypoint: tuple[str, ...] = ()
    shell: str = "sh"
    http_client: HttpClient = "python"
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: Environment = Field(default_factory=dict)
    volumes: dict[str, str] = Field(default_factory=dict)
    resources: ResourcesRow
    shared_memory: str = ""
    security: SecurityRow = SecurityRow()


class ServedRow(RunnableRow):
    """A runnable that listens; ``other_ports`` are further ones that clients or probes use.

    ``egress``: it fetches something from outside when it starts.
    """

    port: int
    other_ports: tuple[int, ...] = ()
    health: HealthRow
    egress: bool = False


class MetricRow(_Row):
    """A Prometheus series that autoscaling follows, and its usual target per replica."""

    series: tuple[str, ...]
    target: int


class ServiceRow(ServedRow):
    """A microservice type.

    ``server`` is the kind of model server behind it by default (empty: none), ``servers`` what each
    kind that it can use adds to its environment. ``remote`` is added when a ``url`` replaces the
    server. ``store``: it is a client of the vector store. ``gaudi`` and the like: the image of the
    hardware, when the service itself computes.
    """

    endpoint: str
    model: str = ""
    server: str = ""
    servers: dict[str, Environment] = Field(default_factory=dict)
    store: bool = False
    remote: Environment = Field(default_factory=dict)
    devices: dict[Hardware, DeviceRow] = Field(default_factory=dict)


class DeviceRow(RunnableRow):
    """A server (or a service that computes) on one kind of hardware; what is ``None`` is the server's own."""

    port: int | None = None
    health: HealthRow | None = None
    metric: MetricRow | None = None


class ServerRow(_Row):
    """A model server; ``devices`` says what differs by hardware.

    ``hub``: it loads its model from the Hugging Face hub, so a prefetch step can do that before it
    starts; ``cache`` is the environment that makes it use only what the prefetch step left.
    ``models`` are further ones that it loads beside the service's own. ``serves`` is the type that it is
    usually behind, where several can use it (see :func:`served_type`). ``egress``: it fetches something
    from outside when it starts, whatever the prefetch step left. ``kv_cache`` is what it reserves for
    keys and values where it runs on CPU (Kubernetes notation), and ``kv_cache_variable`` the variable
    that says so to it, in GiB.
    """

    port: int
    health: HealthRow
    endpoint: str = ""
    environment: Environment = Field(default_factory=dict)
    volumes: dict[str, str] = Field(default_factory=dict)
    shared_memory: str = ""
    hub: bool = True
    models: tuple[str, ...] = ()
    serves: str = ""
    egress: bool = False
    cache: dict[str, str] = Field(default_factory=dict)
    kv_cache: str = ""
    kv_cache_variable: str = ""
    metric: MetricRow | None = None
    devices: dict[Hardware, DeviceRow]


class CompanionRow(ServedRow):
    """A further workload that a store cannot do without, such as Milvus' etcd."""

    workload: str


class StoreRow(_Row):
    """A store; ``clients`` is the environment of the services that use it, by type.

    Without ``server`` it is a service elsewhere (SaaS): there is nothing to deploy. ``dimensions`` is
    the only size of embeddings that its clients can store (0: any).
    """

    workload: str = ""
    server: ServedRow | None = None
    companions: dict[str, CompanionRow] = Field(default_factory=dict)
    clients: dict[str, Environment] = Field(default_factory=dict)
    dimensions: int = 0


class RouterRow(ServedRow):
    """Our router; ``defaults`` are user parameters that a request may leave out."""

    defaults: dict[str, str] = Field(default_factory=dict)


class VariantRow(_Row):
    """A flow that a megaservice image runs: the types of its steps, in order, and what selects it."""

    types: tuple[str, ...]
    environment: Environment = Field(default_factory=dict)


class MegaserviceRow(ServedRow):
    """OPEA's own image of a known application.

    It calls the model servers of the types in ``direct`` itself, so that their microservices are
    not deployed; ``remote`` is added when a service of the type has a ``url`` that the image then
    calls; ``variants`` are all the flows that it runs. ``beyond`` says what the image does beside
    running the flow, such as making prompts of the request's fields: it is then the default.
    ``ask`` is the JSON that it takes a question in (``{question}``); without one it takes no plain text.
    """

    endpoint: str
    direct: tuple[str, ...] = ()
    remote: dict[str, Environment] = Field(default_factory=dict)
    beyond: str = ""
    ask: dict[str, str | bool] = Field(default_factory=dict)
    variants: tuple[VariantRow, ...]


class UiRow(ServedRow):
    """A user interface; ``gateway`` is the environment of OPEA's nginx in front of it (``{route}`` known)."""

    gateway: Environment = Field(default_factory=dict)


class VolumeRow(_Row):
    """A volume's size (Kubernetes notation), what it is for, and whether several workloads write it."""

    size: str
    purpose: str
    shared: bool = False


class SecretRow(_Row):
    """Where a secret comes from: the stack's config key (namespace ``opea``), else the environment.

    ``generate``: nobody needs to know it, so that a random one does (passwords between workloads).
    """

    config: str
    environment: tuple[str, ...]
    purpose: str
    generate: bool = False


class Release(_Row):
    """One release: everything that is needed to deploy its services.

    ``orchestrators`` are those that it knows, the default first. A type ``implies`` others: of
    ``a|b`` the application gets ``a`` unless it has one of them.
    """

    release: str
    profile: Profile
    as_of: date
    source: str
    index: str
    orchestrators: tuple[Orchestrator, ...] = (Orchestrator.ROUTER,)
    services: dict[str, ServiceRow]
    servers: dict[str, ServerRow] = Field(default_factory=dict)
    stores: dict[str, StoreRow] = Field(default_factory=dict)
    default_store: str = ""
    router: RouterRow
    megaservices: dict[str, MegaserviceRow] = Field(default_factory=dict)
    uis: dict[str, UiRow] = Field(default_factory=dict)
    gateway: ServedRow | None = None
    prefetch: RunnableRow | None = None
    implies: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    volumes: dict[str, VolumeRow] = Field(default_factory=dict)
    secrets: dict[str, SecretRow] = Field(default_factory=dict)


class ModelRow(_Row):
    """A model, as far as its memory and its terms matter.

    ``parameters`` in billions; ``layers``, ``kv_heads`` and ``head_size`` give the KV cache's bytes a
    token; ``context`` in tokens; ``dimensions`` of an embedding. ``gated``: its licence must be
    accepted on the hub with the token's account.
    """

    kind: Literal["llm", "vlm", "embedding", "reranking", "asr", "tts", "guard", "image"]
    parameters: float
    bytes_per_parameter: float = 2
    layers: int = 0
    kv_heads: int = 0
    head_size: int = 0
    context: int = 0
    dimensions: int = 0
    licence: str
    gated: bool = False
    source: str = ""


class Models(_Row):
    """The data file of models."""

    as_of: date
    source: str
    models: dict[str, ModelRow]


class DockerCardRow(_Row):
    """How a Docker engine gives containers cards of a kind.

    ``runtime`` is the container runtime that the vendor installs, ``variable`` names the cards of a container
    by index. With ``driver`` they are asked for by a device request instead. ``devices`` are files that
    every container with cards gets, ``groups`` names of its image's groups, ``host_group`` the usual number
    of the host's group that owns the files. ``device_files`` is a pattern with a file a card, numbered from
    ``first``; ``cdi`` the kind's name in the Container Device Interface.
    """

    word: str
    runtime: str = ""
    variable: str
    driver: str = ""
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    host_group: int | None = None
    device_files: str
    first: int = 0
    cdi: str = ""
    install: str
    source: str


class CardRow(_Row):
    """One kind of hardware: the Kubernetes resource of its cards and the memory of one (assumed smallest)."""

    resource: str = ""
    memory: str = ""
    node_selector: dict[str, str] = Field(default_factory=dict)
    docker: DockerCardRow | None = None
    source: str = ""


class HardwareFile(_Row):
    """The data file of hardware."""

    as_of: date
    source: str
    hardware: dict[Hardware, CardRow]
