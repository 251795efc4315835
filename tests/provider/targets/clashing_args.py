"""A target whose Args have a name that another target has."""

from typing import TypedDict

import pulumi


class SecondServiceArgs(TypedDict):
    """The inputs."""

    other: str


class ClashingService(pulumi.ComponentResource):
    """Its own name is free."""

    def __init__(
        self, name: str, args: SecondServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("opea:index:ClashingService", name, {}, opts)


COMPONENTS = [ClashingService]
