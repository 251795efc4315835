"""What of a blueprint the custom resource cannot hold, where it differs from the operator's manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opea_pulumi.blueprint import (
    Blueprint,
    Resources,
    SecretValue,
    Settings,
    Volume,
    Workload,
    fit,
    split_image,
    with_registry,
)
from opea_pulumi.catalog import Release, load_release, models
from opea_pulumi.convert._model import Loss
from opea_pulumi.errors import OpeaError
from opea_pulumi.flow import NodeKind, Step

from ._facts import Dialect, facts
from ._places import Place

_FIXED = "the operator's manifests are fixed"


def losses_of(blueprint: Blueprint, places: Mapping[str, Place], dialect: Dialect) -> tuple[Loss, ...]:
    """The losses in the order of the workloads, then of the application's settings."""
    return (
        *_workloads(blueprint, places, dialect),
        *_flow(blueprint, places),
        *_application(blueprint, dialect),
    )


def _workloads(blueprint: Blueprint, places: Mapping[str, Place], dialect: Dialect) -> Iterator[Loss]:
    release = load_release(facts().release)
    for workload in blueprint.workloads:
        place = places.get(workload.name)
        if place is not None:
            yield from _scale(workload)
            yield from _container(blueprint, place, release)
            yield from _ports(workload, place.facts.port)
            if dialect == "v1.1" or not place.facts.rfc.token:
                yield from _secrets(place)
        elif workload.role == "router":
            yield from _ports(workload, facts().router.port)
            yield from _router(workload)
        elif workload.role == "prefetch":
            yield Loss(workload.name, "is not run", "the operator's servers load their models themselves")


def _scale(workload: Workload) -> Iterator[Loss]:
    if workload.replicas != 1:
        yield Loss(
            workload.name, f"runs once, not {workload.replicas} times", "the operator resets replicas to 1"
        )
    if workload.autoscaling is not None:
        yield Loss(workload.name, "is not scaled by its load", "the operator resets replicas to 1")


def _container(blueprint: Blueprint, place: Place, release: Release) -> Iterator[Loss]:
    workload, row = place.workload, place.facts
    if _tagged(workload.image) != _tagged(with_registry(row.image, blueprint.settings.image_registry)):
        yield Loss(workload.name, f"runs {row.image}, not {workload.image}", _FIXED)
    default = _command(workload, release)
    if workload.args != row.args or workload.command != default:
        yield Loss(workload.name, "starts with the manifest's command and arguments", _FIXED)
    if workload.files:
        paths = ", ".join(file.path for file in workload.files)
        yield Loss(workload.name, f"has no files {paths}", "a GMConnector has no place for files")
    yield from _resources(workload, row.accelerators, release)


def _tagged(image: str) -> tuple[str, str, str]:
    """An image as the release names it, whatever its digest is now."""
    registry, path, tag, _ = split_image(image)
    ours = "opea" in path.split("/")
    return registry, path, facts().same_tags.get(tag, tag) if ours else tag


def _resources(workload: Workload, cards: int, release: Release) -> Iterator[Loss]:
    default = _requests(workload, release)
    asked = workload.resources
    if asked.accelerators != cards:
        yield Loss(workload.name, f"gets {cards} cards, not {asked.accelerators}", _FIXED)
    if default is not None and (asked.cpu, asked.memory) != (default.cpu, default.memory):
        what = f"requests neither cpu {asked.cpu} nor memory {asked.memory}"
        yield Loss(workload.name, what, "the operator's manifests have no requests")


def _requests(workload: Workload, release: Release) -> Resources | None:
    """What the catalogue asks for; with a model that it knows, as much memory as that needs."""
    if workload.role == "microservice" and workload.type in release.services:
        return Resources(**release.services[workload.type].resources.model_dump())
    if workload.role != "server" or workload.type not in release.servers or not workload.hardware:
        return None
    row = release.servers[workload.type].devices[workload.hardware].resources
    resources, known = Resources(**row.model_dump()), models().get(workload.model)
    if known is None:
        return resources
    try:
        return fit(known, workload.model, resources, hardware=workload.hardware)
    except OpeaError:  # the application says that its cards are larger
        return resources


def _command(workload: Workload, release: Release) -> tuple[str, ...]:
    if workload.role == "ui" and workload.type in release.uis:
        return release.uis[workload.type].command
    return ()


def _ports(workload: Workload, port: int) -> Iterator[Loss]:
    asked = workload.port.requested
    if asked not in (None, port):
        yield Loss(workload.name, f"listens on port {port}, not {asked}", _FIXED)


def _router(workload: Workload) -> Iterator[Loss]:
    names = sorted(workload.environment)
    if names:
        why = "GMC's router reads no environment; it sends no key and uses no proxy"
        yield Loss(workload.name, f"does without {', '.join(names)}", why)


def _secrets(place: Place) -> Iterator[Loss]:
    """A variable of the ConfigMap is set where the operator is installed; for others there is no place."""
    for key, value in sorted(place.workload.environment.items()):
        if isinstance(value, SecretValue) and facts().default(place.facts, key) is None:
            yield Loss(place.workload.name, f"does without {key}", "the operator reads no Secret")


def _flow(blueprint: Blueprint, places: Mapping[str, Place]) -> Iterator[Loss]:
    for name, node in sorted(blueprint.flow.nodes.items()):
        if node.kind is NodeKind.SWITCH and all(step.condition for step in node.steps):
            what = "a request that meets none of its conditions is not answered"
            yield Loss(f"node {name}", what, "GMC's router crashes when the last step matches nothing")
        for step in node.steps:
            yield from _endpoint(step, places)
            if step.condition and node.kind is NodeKind.SEQUENCE:
                what = (
                    "the condition is asked of the previous step's answer; without a match the request fails"
                )
                yield Loss(f"node {name}, step {step.name}", what, "GMC's router")


def _endpoint(step: Step, places: Mapping[str, Place]) -> Iterator[Loss]:
    workload, _, path = step.service_url.partition("://")[2].partition("/")
    place = places.get(workload)
    if place is not None and f"/{path}" != place.facts.endpoint:
        yield Loss(workload, f"listens at {place.facts.endpoint}, not /{path}", _FIXED)


def _application(blueprint: Blueprint, dialect: Dialect) -> Iterator[Loss]:
    for volume in blueprint.volumes:
        yield from _volume(volume, dialect)
    for secret in blueprint.secrets:
        if secret.existing and dialect == "v1.1":
            what = f"{secret.existing} is not read"
            yield Loss(f"secrets.{secret.name}", what, "the operator reads no Secret")
    yield from _settings(blueprint.settings)


def _settings(settings: Settings) -> Iterator[Loss]:
    rows: tuple[tuple[str, bool, str, str], ...] = (
        ("image_registry", bool(settings.image_registry), "images come from where the manifests say", _FIXED),
        ("image_pull_secret", bool(settings.image_pull_secret), "is not used", _FIXED),
        ("labels", bool(settings.labels), "stand at the GMConnector and the namespace alone", _FIXED),
        (
            "expose",
            settings.exposure.kind != "none",
            "the router is reached inside the cluster alone",
            "the operator makes no ingress",
        ),
        ("monitoring", settings.monitoring, "nothing is scraped", "GMC's router has no metrics"),
        (
            "istio",
            settings.istio,
            "only the namespace's injection label is set",
            "policies are no part of a GMConnector",
        ),
    )
    yield from (Loss(place, what, why) for place, given, what, why in rows if given)


def _volume(volume: Volume, dialect: Dialect) -> Iterator[Loss]:
    path = facts().model_path
    given = volume.claim or volume.storage_class or volume.host_path
    fits = dialect == "rfc" or volume.host_path == path
    if given and not (volume.host_path and fits):
        yield Loss(f"volume {volume.name}", f"is {path} of the node", _FIXED)
