"""The Pulumi program of the Docker target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pulumi
from opea_pulumi.components.docker import DockerApplication, DockerApplicationArgs

from opea_pulumi.blueprint import Blueprint, insecure
from opea_pulumi.convert.compose import containers_of
from opea_pulumi.errors import PreflightError
from opea_pulumi.flow import dump_flow
from opea_pulumi.images import account_of, ensure_images, registry_secrets
from opea_pulumi.secret_values import missing_secrets
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import Orchestrator

from .._outputs import export
from .._secrets import configured, secrets_of
from ._exposure import refused_exposure
from ._loading import follow_loading


def program(deployment: Deployment) -> None:
    """Register the application and export :data:`opea_pulumi.targets.OUTPUTS`."""
    blueprint = deployment.blueprint
    secrets = dict(secrets_of(blueprint))
    _refuse([*refused_exposure(blueprint), *missing_secrets(blueprint, secrets)])
    if warning := insecure(blueprint.settings.exposure):
        pulumi.log.warn(warning)
    if not pulumi.runtime.is_dry_run():
        _get_missing_images(blueprint)
        follow_loading(blueprint, deployment.stack, partial(pulumi.log.info, ephemeral=True))
    args: DockerApplicationArgs = {"secrets": secrets}
    application = DockerApplication.of(blueprint, args)
    export("docker", deployment, application)
    pulumi.export("network", application.network)
    # the engine records what starts side by side in the order in which it got ready
    pulumi.export("workloads", [workload.name for workload in blueprint.workloads])
    if blueprint.orchestrator in (Orchestrator.MEGASERVICE, Orchestrator.GMC):
        pulumi.export("mega", application.endpoints.apply(lambda known: _mega(blueprint, known)))


def _mega(blueprint: Blueprint, endpoints: Mapping[str, str]) -> dict[str, str]:
    """What operations ask for of our router, and others do not tell: the graph, and whose it is."""
    flow = blueprint.resolved_flow(lambda name: endpoints[name].rstrip("/"))
    return {
        "orchestrator": str(blueprint.orchestrator),
        "application": blueprint.application,
        "release": blueprint.release,
        "endpoint": blueprint.route.endpoint,
        "graph": dump_flow(flow),
    }


def _refuse(errors: Sequence[PreflightError]) -> None:
    """Plain pulumi asks no preflight."""
    if errors:
        raise errors[0]


def _get_missing_images(blueprint: Blueprint) -> None:
    """Before anything is made: the images that the engine lacks are pulled, or (ours) built."""
    services = containers_of(blueprint, "docker", {}).services.values()
    given = [configured(secret) for secret in registry_secrets(blueprint)]
    account = account_of(blueprint, *given) if given else None
    ensure_images((service["image"] for service in services), pulumi.log.info, account)
