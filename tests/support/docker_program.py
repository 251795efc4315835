"""An inline Pulumi program of containers on one network, for tests of the plugin: what it makes is data."""

from collections.abc import Callable
from typing import Any

from docker_sweep import Sweep

from opea_pulumi.engine import StackHandle, Stacks

HEALTHCHECK = {
    "tests": ["CMD", "curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8000/health"],
    "interval": "1s",
    "timeout": "5s",
    "retries": 3,
    "start_period": "1m30s",
}


class Program:
    """``containers`` are the options of each; ``more`` adds resources and returns what is exported.

    An option that is a function is called when the program runs, after ``more``.
    """

    def __init__(self, stacks: Stacks, sweep: Sweep, image: str) -> None:
        self.containers: dict[str, dict[str, Any]] = {"web": {}}
        self.more: Callable[[], dict[str, Any]] = dict
        self.image = image
        self.sweep = sweep
        self.prefix = sweep.names[0]
        self.steps: list[tuple[str, str]] = []
        self.changed: dict[str, list[str]] = {}
        self.handle: StackHandle = stacks.open("docker", self._program, create=True)

    def up(self, *, refresh: bool = False) -> dict[str, int]:
        """Deploy; what changed, by kind. ``steps`` and ``changed`` tell of every resource that did."""
        self._forget()
        return self.handle.up(self._feed, refresh=refresh).changes

    def preview(self) -> dict[str, int]:
        self._forget()
        return self.handle.preview(self._feed).changes

    def container(self, name: str = "web") -> Any:
        """The real container."""
        return self.sweep.engine.containers.get(f"{self.prefix}-{name}")

    def _forget(self) -> None:
        self.steps, self.changed = [], {}

    def _feed(self, event: Any) -> None:
        if event.resource_pre_event and event.resource_pre_event.metadata.op.value not in ("same", "refresh"):
            metadata = event.resource_pre_event.metadata
            name = metadata.urn.rpartition("::")[2]
            self.steps.append((metadata.op.value, name))
            self.changed[name] = sorted({*(metadata.diffs or ()), *(metadata.detailed_diff or ())})

    def _program(self) -> None:
        import pulumi
        import pulumi_docker as docker

        key, _, value = self.sweep.labels[0].partition("=")
        labels = [{"label": key, "value": value}]
        network = docker.Network("network", name=f"{self.prefix}-network", labels=labels)
        image = docker.RemoteImage("image", name=self.image, keep_locally=True)
        outputs = self.more()
        for name, options in self.containers.items():
            given = {
                "name": f"{self.prefix}-{name}",
                "image": image.image_id,
                "labels": labels,
                "healthcheck": HEALTHCHECK,
                "wait": True,
                "networks_advanced": [{"name": network.name, "aliases": [name]}],
                **options,
            }
            made = docker.Container(name, **_called(given))
            pulumi.export(name, {"id": made.id, "ports": made.ports, "networks": made.network_datas})
        for name, output in outputs.items():
            pulumi.export(name, output)


def _called(options: dict[str, Any]) -> dict[str, Any]:
    known = {name: option() if callable(option) else option for name, option in options.items()}
    return {name: option for name, option in known.items() if option is not None}
