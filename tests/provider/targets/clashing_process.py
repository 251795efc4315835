"""A target that would take the name of a custom resource."""

from typing import TypedDict

import pulumi


class OwnProcessArgs(TypedDict):
    """The inputs."""

    other: str


class Process(pulumi.ComponentResource):
    """Its name is the plugin's own."""

    def __init__(self, name: str, args: OwnProcessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("opea:index:Process", name, {}, opts)


COMPONENTS = [Process]
