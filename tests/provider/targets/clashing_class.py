"""A target whose class has a name that another target has."""

from typing import TypedDict

import pulumi


class ClashingArgs(TypedDict):
    """The inputs."""

    other: str


class SecondService(pulumi.ComponentResource):
    """Its name is taken."""

    def __init__(self, name: str, args: ClashingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("opea:index:SecondService", name, {}, opts)


COMPONENTS = [SecondService]
