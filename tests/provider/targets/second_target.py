"""A small second target: what another package could offer by an entry point."""

from typing import NotRequired, TypedDict

import pulumi


class SecondLimits(TypedDict):
    """Limits of one service."""

    cpus: int
    """How many."""


class SecondServiceArgs(TypedDict):
    """The inputs."""

    replicas: int
    """How many of it."""
    ports: list[int]
    """Where it listens."""
    weights: NotRequired[pulumi.Input[dict[str, pulumi.Input[int]]]]
    """Shares of its ports."""
    limits: NotRequired[SecondLimits]
    """Its limits."""
    delay: NotRequired[pulumi.Input[int]]
    """Seconds; may be known late."""


class SecondService(pulumi.ComponentResource):
    """A service of the second target."""

    seen: pulumi.Output[str]
    """The inputs as they arrived."""

    def __init__(
        self, name: str, args: SecondServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("opea:index:SecondService", name, {}, opts)
        delay = pulumi.Output.from_input(args.get("delay"))
        self.seen = delay.apply(lambda known: repr({**args, "delay": known}))
        self.register_outputs({"seen": self.seen})


COMPONENTS = (SecondService,)
