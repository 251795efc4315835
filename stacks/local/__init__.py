"""The local target: processes of this machine, profile embedded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opea_pulumi.errors import PreflightError
from opea_pulumi.targets import Check, Deployment, Operations
from opea_pulumi.terms import Profile


class LocalTarget:
    """Runs an application as processes; the embedded default that needs nothing but this package."""

    name = "local"
    profiles = (Profile.EMBEDDED,)

    def checks(self) -> Iterator[Check]:
        """The extra's packages, memory, and who has the usual port."""
        from .doctor import checks

        return checks()

    def environment(self) -> Mapping[str, str]:
        """None: our own plugin needs nothing."""
        return {}

    def preflight(self, deployment: Deployment) -> list[PreflightError]:
        """Missing extras, and requested ports that other programs hold."""
        from .preflight import preflight

        return preflight(deployment)

    def prepare(self, _deployment: Deployment, _resources: Sequence[Mapping[str, Any]], /) -> Iterator[str]:
        """Nothing: the plugin finds again what a killed update started."""
        return iter(())

    def explain(self, _deployment: Deployment, /) -> Iterator[str]:
        """Nothing: the plugin's errors have the last lines of a process."""
        return iter(())

    def program(self, deployment: Deployment) -> None:
        """Register the application's processes and export the outputs."""
        from .program import program

        program(deployment)

    def operations(self, outputs: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> Operations:
        """Status and logs from the processes' own records."""
        from .operations import LocalOperations

        return LocalOperations(outputs, resources)


TARGET = LocalTarget()
