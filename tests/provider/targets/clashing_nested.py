"""A target whose nested type has a name that another target has."""

from typing import NotRequired, TypedDict

import pulumi


class SecondLimits(TypedDict):
    """Other limits."""

    memory: int


class NestedServiceArgs(TypedDict):
    """The inputs."""

    limits: NotRequired[SecondLimits]


class NestedService(pulumi.ComponentResource):
    """Its own name is free."""

    def __init__(
        self, name: str, args: NestedServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("opea:index:NestedService", name, {}, opts)


COMPONENTS = [NestedService]
