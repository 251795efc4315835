"""A whole application as processes of this machine."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi

import opea_pulumi
from opea_pulumi.blueprint import (
    EndpointValue,
    LiteralValue,
    PathValue,
    SecretFileValue,
    SecretValue,
    Value,
    Workload,
    refuse_exposure,
)
from opea_pulumi.flow import dump_flow
from opea_pulumi.home import home
from opea_pulumi.terms import Profile

from .._source import application_blueprint
from .process import LocalVolume, Process

HOST = "127.0.0.1"


class LocalApplicationArgs(TypedDict):
    """What to run: an application by path or as text."""

    application: NotRequired[str]
    """Path of an opea.yaml, or of the folder that holds it."""
    definition: NotRequired[str]
    """The unified YAML itself, instead of a path."""
    directory: NotRequired[str]
    """Absolute folder for logs and data; by default one of this stack's under OPEA_HOME."""
    secrets: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """Values of the application's secrets by their names, such as llm-api-key."""


class LocalApplication(pulumi.ComponentResource):
    """An OPEA application as local processes of profile embedded: every service and the router."""

    url: pulumi.Output[str]
    """Where to send questions: the mega endpoint on the router."""
    endpoints: pulumi.Output[Mapping[str, str]]
    """Base URL of each workload, by its name."""
    directory: pulumi.Output[str]
    """The folder that holds logs and data."""

    def __init__(
        self, name: str, args: LocalApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        # secret in the state, even if they were given in plain
        given: Any = args.get("secrets") or {}
        self._secrets: pulumi.Output[Mapping[str, str]] = pulumi.Output.secret(given)
        inputs: dict[str, Any] = {**args, "secrets": self._secrets} if "secrets" in args else {**args}
        super().__init__("opea:index:LocalApplication", name, inputs, opts)
        self._name = name
        self._blueprint = application_blueprint(name, args, Profile.EMBEDDED, mounts_files=False)
        refuse_exposure(self._blueprint.settings.exposure, "local")
        self._directory = Path(args.get("directory") or default_directory(name))
        self._volumes = {volume.name: self._volume(volume.name) for volume in self._blueprint.volumes}
        self._processes: dict[str, Process] = {}
        for workload in self._blueprint.workloads:
            self._processes[workload.name] = self._process(workload)
        route = self._blueprint.route
        self.url = pulumi.Output.concat(self._processes[route.workload].url, route.endpoint)
        self.endpoints = pulumi.Output.all(
            **{workload: process.url for workload, process in self._processes.items()}
        )
        self.directory = pulumi.Output.from_input(str(self._directory))
        self.register_outputs({"url": self.url, "endpoints": self.endpoints, "directory": self.directory})

    def _volume(self, volume: str) -> LocalVolume:
        path = self._directory / "volumes" / volume
        opts = pulumi.ResourceOptions(parent=self)
        return LocalVolume(f"{self._name}-{volume}", {"path": str(path)}, opts=opts)

    def _process(self, workload: Workload) -> Process:
        port: dict[str, int] = {"preferred_port": workload.port.number}
        if workload.port.requested is not None:
            port = {"port": workload.port.requested}
        needs = [self._processes[name] for name in workload.downstreams]
        volumes = [self._volumes[mount.volume] for mount in workload.mounts]
        return Process(
            f"{self._name}-{workload.name}",
            {
                "command": self._command(workload),
                "directory": str(self._directory / workload.name),
                "environment": self._environment(workload),
                "health_path": workload.health.path,
                "start_timeout": workload.health.start_budget,
                # a new version of the services is a reason to restart them
                "triggers": {"version": opea_pulumi.__version__},
                **port,  # type: ignore[typeddict-item]
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*needs, *volumes]),
        )

    def _command(self, workload: Workload) -> list[pulumi.Input[str]]:
        words = [*workload.command, *workload.args]
        program = [sys.executable if word == "python" else word for word in words[:1]]
        return [*program, *(self._word(word) for word in words[1:])]

    def _word(self, word: str) -> pulumi.Input[str]:
        # `{port}` stays: the provider knows the port when it starts the process
        return self._graph() if word == "{graph}" else word.replace("{host}", HOST)

    def _graph(self) -> pulumi.Output[str]:
        urls = {name: self._processes[name].url for name in self._blueprint.flow_workloads()}
        return pulumi.Output.all(**urls).apply(self._dump)

    def _dump(self, urls: Mapping[str, str]) -> str:
        return dump_flow(self._blueprint.resolved_flow(lambda workload: urls[workload]))

    def _environment(self, workload: Workload) -> pulumi.Output[Mapping[str, str]]:
        plain = {
            key: self._value(value)
            for key, value in workload.environment.items()
            if not isinstance(value, SecretValue)
        }
        wanted = {
            key: value.secret for key, value in workload.environment.items() if isinstance(value, SecretValue)
        }
        if not wanted:
            return pulumi.Output.all(**plain) if plain else pulumi.Output.from_input({})
        given = self._secrets.apply(
            lambda secrets: {key: secrets[name] for key, name in wanted.items() if secrets.get(name)}
        )
        return pulumi.Output.secret(
            pulumi.Output.all(plain, given).apply(lambda both: {**both[0], **both[1]})
        )

    def _value(self, value: Value) -> pulumi.Input[str]:
        match value:
            case LiteralValue():
                return value.value
            case EndpointValue():
                text = value.format
                port: pulumi.Output[Any] = self._processes[value.workload].port
                return port.apply(lambda number: text.format(host=HOST, port=int(number)))
            case PathValue():
                return self._volumes[value.volume].path
            case SecretValue() | SecretFileValue():
                raise AssertionError("secrets are merged in _environment; those as files were refused")


def default_directory(name: str) -> Path:
    """The folder of one application of the running stack, under OPEA_HOME."""
    return home() / "local" / f"{pulumi.get_project()}.{pulumi.get_stack()}" / name
