"""The Docker target: containers of one Docker engine, here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opea_pulumi.errors import PreflightError
from opea_pulumi.targets import Check, Deployment, Operations
from opea_pulumi.terms import Profile


class DockerTarget:
    """Runs an application as containers, of OPEA's images or of the small embedded ones."""

    name = "docker"
    profiles = (Profile.OPEA, Profile.EMBEDDED)

    def checks(self) -> Iterator[Check]:
        """The extra's packages, the engine and what it has, our images, the way to registry and hub."""
        from .doctor import checks

        return checks()

    def environment(self) -> Mapping[str, str]:
        """The engine of Docker's current context, which the provider does not know of; else nothing."""
        from opea_pulumi.docker_engine import plugin_environment

        return plugin_environment()

    def preflight(self, deployment: Deployment) -> list[PreflightError]:
        """Missing extras, an engine that does not answer or lacks memory or cards, ports that are taken."""
        from .preflight import preflight

        return preflight(deployment)

    def prepare(self, deployment: Deployment, resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Remove containers that a killed update made and did not record, and those that do not serve."""
        from .recover import clear_up

        return clear_up(deployment, resources)

    def explain(self, deployment: Deployment) -> Iterator[str]:
        """Images that are missing, and the last lines of containers that failed."""
        from .recover import explain

        return explain(deployment)

    def program(self, deployment: Deployment) -> None:
        """Register the application's containers and export the outputs."""
        from .program import program

        program(deployment)

    def operations(self, outputs: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> Operations:
        """Status and logs as the engine tells them."""
        from .operations import DockerOperations

        return DockerOperations(outputs, resources)


TARGET = DockerTarget()
