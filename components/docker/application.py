"""A whole application as containers of one Docker engine."""

from collections.abc import Mapping
from typing import Any, NotRequired, Self, TypedDict

import pulumi

from opea_pulumi.blueprint import Blueprint, Workload
from opea_pulumi.convert.compose import asked_port, containers_of, published
from opea_pulumi.errors import OpeaError
from opea_pulumi.terms import Profile

from .._source import application_blueprint
from ._site import Published, Site
from ._workload import DockerWorkload, Part, cards_for, hidden, secrets_of
from .microservice import DockerMicroservice
from .model_server import DockerModelServer
from .router import DockerRouter
from .ui import DockerUi
from .vector_store import DockerVectorStore

TARGET = "docker"

_BY_ROLE: Mapping[str, type[DockerWorkload]] = {
    "microservice": DockerMicroservice,
    "server": DockerModelServer,
    "store": DockerVectorStore,
    "router": DockerRouter,
    "megaservice": DockerRouter,
    "ui": DockerUi,
    "gateway": DockerUi,
}


class DockerApplicationArgs(TypedDict):
    """What to run: an application by path or as text."""

    application: NotRequired[str]
    """Path of an opea.yaml, or of the folder that holds it."""
    definition: NotRequired[str]
    """The unified YAML itself, instead of a path."""
    profile: NotRequired[str]
    """Which services: opea (OPEA's) or embedded (the small ones); the application's own by default."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Values of the application's secrets by their names, such as hf-token; they reach it as files."""
    address: NotRequired[str]
    """The host's address at which users reach it, instead of the application's own (127.0.0.1)."""
    port: NotRequired[int]
    """The host's port; by default the application's, or the next free one."""
    insecure_public: NotRequired[bool]
    """Whether an address that other machines reach may do without API keys and TLS."""


class DockerApplication(pulumi.ComponentResource):
    """An OPEA application as containers: every service, server and store, and what runs its flow."""

    url: pulumi.Output[str]
    """Where to send questions: the mega endpoint, or the user interface."""
    endpoints: pulumi.Output[Mapping[str, str]]
    """Base URL of each workload by its name, for its network; of the published one for the host."""
    network: pulumi.Output[str]
    """Name of the Docker network in which the workloads reach each other."""

    def __init__(
        self, name: str, args: DockerApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("opea:index:DockerApplication", name, hidden(args), opts)
        self._build(name, _blueprint(name, args), args, int(args.get("port") or 0))

    @classmethod
    def of(cls, blueprint: Blueprint, args: DockerApplicationArgs) -> Self:
        """The component for a blueprint; of ``args`` only the secrets count."""
        self = cls.__new__(cls)
        pulumi.ComponentResource.__init__(self, "opea:index:DockerApplication", blueprint.name, {}, None)
        self._build(blueprint.name, blueprint, args)
        return self

    def _build(
        self, name: str, blueprint: Blueprint, args: DockerApplicationArgs, port: int | None = None
    ) -> None:
        containers = containers_of(blueprint, TARGET, cards_for(name, blueprint))
        site = Site(self, name, containers, secrets_of(args))
        front = published(blueprint)
        where = _published(site, blueprint, port)
        parts: dict[str, DockerWorkload] = {}
        workloads = {workload.name for workload in blueprint.workloads}
        for key in containers.services:
            if key not in workloads:
                site.container(key, self)  # the one that gives volumes to their users
        for workload in blueprint.workloads:
            if workload.role != "prefetch":
                part = Part(
                    site,
                    _keys(blueprint, workload),
                    workload.port.number,
                    where if workload.name == front else None,
                    scheme="https" if workload.health.tls else "http",
                )
                made = _BY_ROLE[workload.role].of(f"{name}-{workload.name}", part, site.opts())
                parts[workload.name] = made
        path = "" if blueprint.ui else blueprint.route.endpoint
        self.url = pulumi.Output.concat(parts[front].published_url, path)
        urls = {key: part.published_url if key == front else part.url for key, part in parts.items()}
        self.endpoints = pulumi.Output.all(**urls)
        self.network = pulumi.Output.from_input(site.networks["default"])
        self.register_outputs({"url": self.url, "endpoints": self.endpoints, "network": self.network})


def _keys(blueprint: Blueprint, workload: Workload) -> tuple[str, ...]:
    """The steps that must have run before a server, and the workload itself."""
    before = [name for name in workload.after if blueprint.workload(name).role == "prefetch"]
    return (*before, workload.name) if workload.role == "server" else (workload.name,)


def _published(site: Site, blueprint: Blueprint, port: int | None) -> Published:
    """Where users reach it: at the port that was asked for, else at the usual one or the next free."""
    exposure, front = blueprint.settings.exposure, published(blueprint)
    fixed = port or asked_port(blueprint)
    usual = blueprint.workload(front).port.number
    return Published.of(exposure, fixed or site.present.port(site.called(front), exposure.address, usual))


def _blueprint(name: str, args: Mapping[str, Any]) -> Blueprint:
    try:
        profile = Profile(args["profile"]) if args.get("profile") else None
        asked = {key: args[key] for key in ("address", "insecure_public") if args.get(key) is not None}
        return application_blueprint(name, args, profile, mounts_files=True, deployment=asked)
    except OpeaError as error:
        raise pulumi.RunError(str(error)) from None
