"""The Pulumi program of the Docker target."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing

import pulumi
from opea_pulumi.components.docker import DockerApplication, DockerApplicationArgs

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.flow import dump_flow
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import Orchestrator

from .._outputs import export
from .._secrets import secrets_of


def program(deployment: Deployment) -> None:
    """Register the application and export :data:`opea_pulumi.targets.OUTPUTS`."""
    blueprint = deployment.blueprint
    if not pulumi.runtime.is_dry_run():
        _build_missing_images(deployment)
    args: DockerApplicationArgs = {"secrets": dict(secrets_of(blueprint))}
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


def _build_missing_images(deployment: Deployment) -> None:
    """This project's own images: nobody publishes them, so the engine builds those it lacks."""
    from opea_pulumi.docker_engine import connect
    from opea_pulumi.images import ensure_own_image

    with closing(connect()) as client:
        for image in sorted({workload.image for workload in deployment.blueprint.workloads}):
            ensure_own_image(client, image, pulumi.log.info)
