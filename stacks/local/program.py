"""The Pulumi program of the local target."""

from __future__ import annotations

from opea_pulumi.components.local import LocalApplication, LocalApplicationArgs

from opea_pulumi.targets import Deployment

from .._outputs import export
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
    export("local", deployment, application)
