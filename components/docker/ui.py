"""An application's user interface as a container."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from opea_pulumi.application import slug

from ._workload import DockerWorkload, alone, blueprint_of


class DockerUiArgs(TypedDict):
    """Whose interface, and where the application is."""

    definition: str
    """The application as unified YAML, with opea_deployment.ui: true."""
    endpoints: Mapping[str, pulumi.Input[str]]
    """Base URLs of the router and of dataprep, by their names."""
    network: NotRequired[pulumi.Input[str]]
    """Name of the Docker network in which the application is; by default one of its own."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """More environment variables."""
    port: NotRequired[int]
    """The port on 127.0.0.1 at which users reach it; by default none."""


class DockerUi(DockerWorkload):
    """OPEA's user interface of an application, behind its gateway where it has one."""

    def __init__(self, name: str, args: DockerUiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._begin(name, args, opts)
        key = slug(name)
        blueprint = blueprint_of(args["definition"], key, args)
        wanted = [workload for workload in blueprint.workloads if workload.role in ("ui", "gateway")]
        if not wanted:
            message = "the application has none: set opea_deployment.ui: true in a known application"
            raise pulumi.InputPropertyError("definition", message)
        self._finish(alone(self, key, blueprint, wanted, args))
