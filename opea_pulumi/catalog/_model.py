"""The shapes of the catalogue's data files; new facts are new rows, not new code."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, model_validator

from opea_pulumi.terms import Hardware, Profile


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Row):
    """An environment value that is not a literal: exactly one of the three.

    ``endpoint``: ``server`` and ``store`` are the service's own, ``embedding`` is the service of that
    type, ``embedding.server`` that one's server; ``format`` knows ``{host}`` and ``{port}``.
    ``secret`` names a secret (``{service}-api-key``: the service's own), ``volume`` the folder where
    the volume is mounted.
    """

    endpoint: str = ""
    format: str = "http://{host}:{port}"
    secret: str = ""
    volume: str = ""

    @model_validator(mode="after")
    def _one(self) -> Reference:
        if sum(bool(part) for part in (self.endpoint, self.secret, self.volume)) != 1:
            raise ValueError("give exactly one of endpoint, secret, volume")
        return self


Environment = dict[str, str | Reference]
"""Literals know the fields ``{model}``, ``{index}`` and ``{url}``."""


class HealthRow(_Row):
    """GET ``path`` answers 2xx when healthy; ``interval`` and ``start_budget`` in seconds."""

    path: str
    interval: int
    start_budget: int


class ResourcesRow(_Row):
    """Requests in Kubernetes notation (``100m``, ``128Mi``); ``accelerators`` counts cards."""

    cpu: str
    memory: str
    accelerator: str = ""
    accelerators: int = 0


class RunnableRow(_Row):
    """An image and how it runs; ``volumes`` are mount paths by volume."""

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    environment: Environment = Field(default_factory=dict)
    volumes: dict[str, str] = Field(default_factory=dict)
    resources: ResourcesRow
    shared_memory: str = ""
    exceptions: tuple[str, ...] = ()


class ServiceRow(RunnableRow):
    """A microservice type; ``remote`` is added to its environment when a ``url`` replaces its server."""

    port: int
    endpoint: str
    health: HealthRow
    model: str = ""
    server: str = ""
    store: bool = False
    remote: Environment = Field(default_factory=dict)


class ServerRow(_Row):
    """A model server; ``devices`` says what differs by hardware."""

    port: int
    health: HealthRow
    environment: Environment = Field(default_factory=dict)
    volumes: dict[str, str] = Field(default_factory=dict)
    shared_memory: str = ""
    devices: dict[Hardware, RunnableRow]


class StoreRow(RunnableRow):
    """A vector store; ``clients`` is the environment of the services that use it, by type."""

    workload: str
    port: int
    start_budget: int
    clients: dict[str, Environment]


class RouterRow(RunnableRow):
    """The router; ``defaults`` are user parameters that a request may leave out."""

    port: int
    health: HealthRow
    defaults: dict[str, str] = Field(default_factory=dict)


class VolumeRow(_Row):
    """A volume's size (Kubernetes notation) and what it is for."""

    size: str
    purpose: str


class SecretRow(_Row):
    """Where a secret comes from: the stack's config key (namespace ``opea``), else the environment."""

    config: str
    environment: tuple[str, ...]
    purpose: str


class Release(_Row):
    """One release: everything that is needed to deploy its services."""

    release: str
    profile: Profile
    as_of: date
    source: str
    index: str
    services: dict[str, ServiceRow]
    servers: dict[str, ServerRow] = Field(default_factory=dict)
    stores: dict[str, StoreRow] = Field(default_factory=dict)
    default_store: str = ""
    router: RouterRow
    implies: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    volumes: dict[str, VolumeRow] = Field(default_factory=dict)
    secrets: dict[str, SecretRow] = Field(default_factory=dict)
