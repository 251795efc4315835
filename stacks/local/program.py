"""The Pulumi program of the local target."""

from __future__ import annotations

import pulumi
from opea_pulumi.components.local import LocalApplication, LocalApplicationArgs

from opea_pulumi.targets import Deployment

from .._secrets import secrets_of


def program(deployment: Deployment) -> None:
    """Register the application and export :data:`opea_pulumi.targets.OUTPUTS`."""
    blueprint = deployment.blueprint
    args: LocalApplicationArgs = {"secrets": dict(secrets_of(blueprint))}
    if deployment.definition:
        args["definition"] = deployment.definition
    else:
        args["application"] = str(deployment.source)
    application = LocalApplication(blueprint.name, args)
    pulumi.export("url", application.url)
    pulumi.export("endpoints", application.endpoints)
    pulumi.export("application", str(deployment.source))
    pulumi.export("target", "local")
    pulumi.export("profile", blueprint.profile.value)
