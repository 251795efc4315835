"""What Compose cannot hold, as far as the application asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.application import Application
from opea_pulumi.blueprint import Blueprint, Workload
from opea_pulumi.convert._model import Loss

from ._networks import published

_ONE_MACHINE = "Compose runs on one machine"


def losses_of(blueprint: Blueprint, application: Application | None) -> list[Loss]:
    """Losses by setting, then by workload, volume and secret."""
    found = [*_of_settings(blueprint), *(_of_application(blueprint, application) if application else ())]
    for workload in blueprint.workloads:
        found += _of_workload(blueprint, workload)
    for volume in blueprint.volumes:
        if volume.claim:
            found.append(Loss(volume.name, f"claim {volume.claim}", "a named volume takes its place"))
        if volume.storage_class:
            found.append(Loss(volume.name, f"storage class {volume.storage_class}", _ONE_MACHINE))
    for secret in blueprint.secrets:
        if secret.existing:
            found.append(Loss(secret.name, f"existing secret {secret.existing}", "a file takes its place"))
    return found


def _of_settings(blueprint: Blueprint) -> Iterator[Loss]:
    settings, place = blueprint.settings, "opea_deployment"
    if settings.exposure.kind != "none":
        why = f"the port is published on {settings.exposure.address}; put a proxy in front of it"
        yield Loss(f"{place}.expose", settings.exposure.kind, why)
    if settings.namespace:
        yield Loss(f"{place}.namespace", settings.namespace, "the project's name separates applications")
    if settings.image_pull_secret:
        yield Loss(f"{place}.image_pull_secret", settings.image_pull_secret, "use docker login")
    if settings.monitoring:
        yield Loss(f"{place}.monitoring", "no scraping", "Compose has no monitoring objects")
    if settings.istio:
        yield Loss(f"{place}.istio", "no mesh", _ONE_MACHINE)


def _of_application(blueprint: Blueprint, application: Application) -> Iterator[Loss]:
    deployment, place = application.deployment, "opea_deployment"
    exposure = blueprint.settings.exposure
    if exposure.auth != "none" and not exposure.keys:
        why = f"nothing checks it; the port is on {exposure.address}"
        yield Loss(f"{place}.auth", exposure.auth, why)
    if deployment.allocator:
        yield Loss(f"{place}.allocator", deployment.allocator, _ONE_MACHINE)


def _of_workload(blueprint: Blueprint, workload: Workload) -> Iterator[Loss]:
    if workload.autoscaling:
        scale = f"{workload.autoscaling.min} to {workload.autoscaling.max} replicas by load"
        yield Loss(workload.name, scale, "Compose has no autoscaling")
    if workload.replicas > 1 and single(blueprint, workload):
        yield Loss(workload.name, f"1 replica instead of {workload.replicas}", single(blueprint, workload))
    if workload.files and "writable-root" not in workload.security.exceptions:
        yield Loss(workload.name, "its root file system is writable", FILES_REASON)


FILES_REASON = "Compose puts the content of configs only into containers that can be written to"


def single(blueprint: Blueprint, workload: Workload) -> str:
    """Why there can only be one container of a workload; empty when there can be more."""
    if workload.name == published(blueprint):
        return "containers cannot share a published port"
    return "containers of a service cannot split its cards" if workload.resources.accelerators else ""
