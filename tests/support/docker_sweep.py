"""Removes what tests made on a shared Docker engine, and nothing else: by label or the start of a name."""

import contextlib
import secrets
from dataclasses import dataclass, field

import docker
from docker.errors import APIError, NotFound


@dataclass
class Sweep:
    """What a test made: all with one of its labels, or a name that starts with one of its names."""

    engine: docker.DockerClient
    labels: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @classmethod
    def new(cls, engine: docker.DockerClient) -> "Sweep":
        """With a label and the start of names that nobody else has; the name serves as a stack's, too."""
        token = f"opea-test-{secrets.token_hex(4)}"
        return cls(engine, labels=[f"opea.test={token}", f"opea.stack={token}"], names=[token])

    def found(self) -> list[str]:
        """What there is now: `container NAME`, `network NAME`, `volume NAME`, sorted."""
        containers = [f"container {each.name}" for each in self._containers()]
        networks = [f"network {each.name}" for each in self._networks()]
        return sorted(containers + networks + [f"volume {each.name}" for each in self._volumes()])

    def remove(self) -> None:
        """Remove it all."""
        for container in self._containers():
            with contextlib.suppress(NotFound, APIError):
                container.remove(force=True, v=True)
        for network in self._networks():
            with contextlib.suppress(NotFound):
                network.remove()
        for volume in self._volumes():
            with contextlib.suppress(NotFound):
                volume.remove(force=True)

    def _containers(self) -> list[docker.models.containers.Container]:
        known = self.engine.containers.list(all=True, ignore_removed=True)
        return [each for each in known if self._own(each.name, each.labels)]

    def _networks(self) -> list[docker.models.networks.Network]:
        return [
            each
            for each in self.engine.networks.list()
            if self._own(each.name, each.attrs.get("Labels") or {})
        ]

    def _volumes(self) -> list[docker.models.volumes.Volume]:
        return [
            each
            for each in self.engine.volumes.list()
            if self._own(each.name, each.attrs.get("Labels") or {})
        ]

    def _own(self, name: str, labels: dict[str, str]) -> bool:
        pairs = {f"{key}={value}" for key, value in labels.items()}
        return bool(pairs & set(self.labels)) or any(name.startswith(own) for own in self.names)
