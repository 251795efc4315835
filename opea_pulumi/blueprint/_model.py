"""The waist: a concrete, target-neutral description of everything that is deployed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from opea_pulumi.flow import Flow, Node, Step
from opea_pulumi.terms import Hardware, Profile


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
    """Where another workload listens; the target fills in ``{host}`` and ``{port}`` of ``format``."""

    kind: Literal["endpoint"] = "endpoint"
    workload: str
    format: str = "http://{host}:{port}"


class PathValue(_Part):
    """The folder where one of the workload's volumes is mounted."""

    kind: Literal["path"] = "path"
    volume: str


Value = Annotated[LiteralValue | SecretValue | EndpointValue | PathValue, Field(discriminator="kind")]


class Port(_Part):
    """Where a workload listens: ``number`` by itself, ``requested`` when the user asked for one."""

    number: int
    requested: int | None = None


class Health(_Part):
    """How a target sees that a workload serves: GET ``path`` (empty: the port accepts connections).

    ``interval`` and ``start_budget`` are seconds.
    """

    path: str = ""
    interval: int = 5
    start_budget: int


class Resources(_Part):
    """Requests in Kubernetes notation; ``accelerators`` counts cards of the resource ``accelerator``."""

    cpu: str
    memory: str
    accelerator: str = ""
    accelerators: int = 0


class Mount(_Part):
    """A volume and the path at which a container sees it."""

    volume: str
    path: str


class Security(_Part):
    """The Pod Security profile that a workload meets, and its named exceptions."""

    profile: Literal["restricted"] = "restricted"
    exceptions: tuple[str, ...] = ()


class Workload(_Part):
    """One thing that runs; the target fills in ``{host}``, ``{port}`` and ``{graph}`` in ``args``."""

    name: str
    role: Literal["microservice", "server", "store", "router"]
    type: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: dict[str, Value] = Field(default_factory=dict)
    port: Port
    health: Health
    resources: Resources
    shared_memory: str = ""
    mounts: tuple[Mount, ...] = ()
    replicas: int = 1
    security: Security = Security()
    downstreams: tuple[str, ...] = ()


class Volume(_Part):
    """Data that outlives the workloads that mount it."""

    name: str
    size: str
    purpose: str


class Secret(_Part):
    """A secret: the stack's config key (namespace ``opea``), else one of the environment variables."""

    name: str
    config: str
    environment: tuple[str, ...]
    purpose: str


class Route(_Part):
    """What users reach: a workload and the endpoint on it."""

    workload: str
    endpoint: str


_SCHEME = "workload://"


class Blueprint(_Part):
    """Everything that a target deploys; ``workloads`` stand in the order in which they can start."""

    name: str
    profile: Profile
    release: str
    hardware: Hardware
    workloads: tuple[Workload, ...]
    volumes: tuple[Volume, ...] = ()
    secrets: tuple[Secret, ...] = ()
    route: Route
    flow: Flow

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
