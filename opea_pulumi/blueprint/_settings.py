"""What the deployment says of the whole application: settings, volumes, secrets and patches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from opea_pulumi.application import DeploymentSpec, ModelCacheSpec
from opea_pulumi.catalog import Release

from ._exposure import PURPOSES, exposure_of
from ._memory import cache_size
from ._model import LiteralValue, Patch, Secret, Settings, Value, Volume, Workload
from ._plan import Plan
from ._rows import secrets_in
from ._servers import MODELS


def settings_of(plan: Plan) -> Settings:
    """The deployment's settings with their defaults."""
    given = plan.application.deployment
    return Settings(
        namespace=given.namespace or "",
        image_registry=given.image_registry or "",
        image_pull_secret=given.image_pull_secret or "",
        labels=dict(sorted(given.labels.items())),
        exposure=exposure_of(plan),
        monitoring=bool(given.monitoring),
        istio=bool(given.istio),
    )


def patches_of(plan: Plan) -> tuple[Patch, ...]:
    """The patches, each with its place in the application."""
    return tuple(
        Patch(
            target=patch.target,
            workload=patch.workload or "",
            kind=patch.kind or "",
            json_patch=tuple(patch.json_patch or ()),
            merge=patch.merge or {},
            path=f"patches[{index}]",
        )
        for index, patch in enumerate(plan.application.patches)
    )


def with_proxy(plan: Plan, workloads: Mapping[str, Workload]) -> dict[str, Workload]:
    """Those that call something outside get the proxy's variables; what is inside is called directly."""
    proxy = plan.application.deployment.proxy
    if proxy is None:
        return dict(workloads)
    own = [proxy.no] if proxy.no else []
    inside = ",".join([*own, "localhost", "127.0.0.1", *sorted(workloads)])
    given = {"http_proxy": proxy.http, "https_proxy": proxy.https, "no_proxy": inside}
    variables: dict[str, Value] = {key: LiteralValue(value=value) for key, value in given.items() if value}
    return {
        name: workload.model_copy(
            update={"environment": dict(sorted({**variables, **workload.environment}.items()))}
        )
        if workload.egress
        else workload
        for name, workload in workloads.items()
    }


def volumes_of(plan: Plan, workloads: Iterable[Workload]) -> tuple[Volume, ...]:
    """Every volume that is mounted, by name."""
    held: dict[str, set[str]] = {}
    for workload in workloads:
        for mount in workload.mounts:
            held.setdefault(mount.volume, set()).add(workload.model)
    deployment = plan.application.deployment
    return tuple(_volume(plan.release, name, held[name], deployment) for name in sorted(held))


def _volume(release: Release, name: str, models_in_it: set[str], deployment: DeploymentSpec) -> Volume:
    if not name.endswith(f"-{MODELS}"):
        return Volume(name=name, **release.volumes[name].model_dump())
    row = release.volumes[MODELS]
    cache = deployment.model_cache or ModelCacheSpec()
    return Volume(
        name=name,
        size=cache.size or cache_size(models_in_it) or row.size,
        purpose=row.purpose,
        shared=row.shared,
        host_path=cache.path or "" if cache.kind == "host_path" else "",
        claim=cache.name or "" if cache.kind == "claim" else "",
        storage_class=cache.storage_class or "",
    )


def secrets_of(plan: Plan, workloads: Iterable[Workload]) -> tuple[Secret, ...]:
    """Every secret that an environment needs, by name."""
    used = sorted({name for workload in workloads for name in secrets_in(workload.environment)})
    return tuple(_secret(plan, name) for name in used)


def _secret(plan: Plan, name: str) -> Secret:
    existing = plan.application.deployment.secrets.get(name)
    place = {"existing": existing.name, "key": existing.key or name} if existing else {}
    if name in plan.release.secrets:
        return Secret(name=name, **plan.release.secrets[name].model_dump(), **place)
    words = name.split("-")
    return Secret(
        name=name,
        config=words[0] + "".join(word.title() for word in words[1:]),
        environment=(f"OPEA_{'_'.join(words).upper()}",),
        purpose=_purpose(plan, name),
        **place,
    )


def _purpose(plan: Plan, name: str) -> str:
    if name in PURPOSES:
        return PURPOSES[name]
    for service, spec in plan.services.items():
        if name in spec.secrets.values():
            return f"given to {plan.given_name(service)}"
    return f"bearer key of the url of {' '.join(name.removesuffix('-api-key').split('-'))}"
