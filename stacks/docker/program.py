"""The Pulumi program of the Docker target."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import pulumi
from opea_pulumi.components.docker import DockerApplication, DockerApplicationArgs

from opea_pulumi.blueprint import insecure
from opea_pulumi.errors import PreflightError
from opea_pulumi.secret_values import missing_secrets
from opea_pulumi.targets import Deployment

from .._outputs import export
from .._secrets import secrets_of
from ._exposure import refused_exposure


def program(deployment: Deployment) -> None:
    """Register the application and export :data:`opea_pulumi.targets.OUTPUTS`."""
    blueprint = deployment.blueprint
    secrets = dict(secrets_of(blueprint))
    _refuse([*refused_exposure(blueprint), *missing_secrets(blueprint, secrets)])
    if warning := insecure(blueprint.settings.exposure):
        pulumi.log.warn(warning)
    if not pulumi.runtime.is_dry_run():
        _build_missing_images(deployment)
    args: DockerApplicationArgs = {"secrets": secrets}
    application = DockerApplication.of(blueprint, args)
    export("docker", deployment, application)
    pulumi.export("network", application.network)
    # the engine records what starts side by side in the order in which it got ready
    pulumi.export("workloads", [workload.name for workload in blueprint.workloads])


def _refuse(errors: Sequence[PreflightError]) -> None:
    """Plain pulumi asks no preflight."""
    if errors:
        raise errors[0]


def _build_missing_images(deployment: Deployment) -> None:
    """This project's own images: nobody publishes them, so the engine builds those it lacks."""
    from opea_pulumi.docker_engine import connect
    from opea_pulumi.images import ensure_own_image

    with closing(connect()) as client:
        for image in sorted({workload.image for workload in deployment.blueprint.workloads}):
            ensure_own_image(client, image, pulumi.log.info)
