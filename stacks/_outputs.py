"""What every target's program exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pulumi

from opea_pulumi.targets import Deployment


class Made(Protocol):
    """A component of a whole application."""

    url: pulumi.Output[str]
    endpoints: pulumi.Output[Mapping[str, str]]


def export(target: str, deployment: Deployment, application: Made) -> None:
    """Export :data:`opea_pulumi.targets.OUTPUTS`."""
    pulumi.export("url", application.url)
    pulumi.export("endpoints", application.endpoints)
    pulumi.export("application", str(deployment.source))
    pulumi.export("target", target)
    pulumi.export("profile", deployment.blueprint.profile.value)
