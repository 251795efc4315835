"""The Pulumi program of the local target."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pulumi
from opea_pulumi.components.local import LocalApplication, LocalApplicationArgs

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import PROJECT


def program(deployment: Deployment) -> None:
    """Register the application and export :data:`opea_pulumi.targets.OUTPUTS`."""
    blueprint = deployment.blueprint
    args: LocalApplicationArgs = {"secrets": dict(_secrets(blueprint))}
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


def _secrets(blueprint: Blueprint) -> Iterator[tuple[str, pulumi.Output[str]]]:
    """Each secret that has a value: the stack's configuration, else the environment."""
    config = pulumi.Config(PROJECT)
    for secret in blueprint.secrets:
        configured = config.get_secret(secret.config)
        if configured is not None:
            yield secret.name, configured
            continue
        value = next((os.environ[name] for name in secret.environment if os.environ.get(name)), None)
        if value is not None:
            yield secret.name, pulumi.Output.secret(value)
