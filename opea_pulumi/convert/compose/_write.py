"""From a blueprint to a compose file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opea_pulumi.application import Application
from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert._model import Conversion, Loss
from opea_pulumi.convert._yaml import dump_yaml
from opea_pulumi.errors import BlueprintError, Location

from ._devices import partition
from ._escape import escaped
from ._header import header
from ._health import healthcheck
from ._losses import losses_of
from ._networks import networks_of
from ._patched import TARGET, loosened, patched
from ._secrets import secrets_of
from ._service import Context, config_name, in_order, service_of
from ._volumes import owner_name, owner_service, volumes_of

EXTENSION = "x-opea"


@dataclass(frozen=True)
class Containers:
    """A blueprint's containers in Compose's words: plain data, nothing escaped.

    Secrets stand in ``services`` by name only; ``made`` are the services before patches.
    """

    services: dict[str, Any]
    networks: dict[str, Any]
    volumes: dict[str, Any]
    cards: Mapping[str, tuple[int, ...]]
    made: dict[str, Any]
    configs: dict[str, Any]
    losses: list[Loss]


def containers_of(
    blueprint: Blueprint, target: str = TARGET, cards: Mapping[str, tuple[int, ...]] | None = None
) -> Containers:
    """What Docker runs of a blueprint, with the patches for ``target``.

    ``cards`` are the indexes for each workload that has some, where others use the engine's cards, too.

    Raises:
        BlueprintError: it needs something that Compose cannot do.
    """
    cards = partition(blueprint.workloads) if cards is None else cards
    checks = {
        item.name: item.role != "prefetch" and healthcheck(item)[0] is not None
        for item in blueprint.workloads
    }
    context = Context(blueprint, cards, checks)
    losses: list[Loss] = []
    services: dict[str, Any] = {}
    _add_owner(services, blueprint)
    for workload in blueprint.workloads:
        services[workload.name], lost = service_of(context, workload)
        losses += lost
    changed = patched(blueprint, services, target)
    parts = (networks_of(blueprint), volumes_of(blueprint), cards, services, _configs(blueprint))
    return Containers(changed, *parts, losses)


def to_compose(blueprint: Blueprint, application: Application | None = None) -> Conversion:
    """The blueprint in the Compose Specification.

    With its ``application``, the file also holds that (under ``x-opea``), so that ``from_compose``
    gives exactly the same one back.

    Raises:
        BlueprintError: it needs something that Compose cannot do.
    """
    containers = containers_of(blueprint)
    services = containers.services
    document: dict[str, Any] = {
        "name": blueprint.name,
        "services": escaped(services),
        "networks": containers.networks,
        "volumes": containers.volumes,
        "configs": escaped(containers.configs),
        "secrets": escaped(secrets_of(blueprint)),
    }
    document = {key: value for key, value in document.items() if value}
    if application is not None:
        document[EXTENSION] = escaped(_extension(application, services))
    head = header(blueprint, containers.cards, loosened(containers.made, services))
    losses = [*losses_of(blueprint, application), *containers.losses]
    return Conversion(f"{head}\n{dump_yaml(document)}", tuple(losses))


def _add_owner(services: dict[str, Any], blueprint: Blueprint) -> None:
    name = owner_name(blueprint)
    if not name:
        return
    small = ("router", "megaservice", "microservice")
    with_shell = [item for item in blueprint.workloads if item.shell]
    if not with_shell:
        message = "no image of the application has a shell, so that nothing can give volumes to their users"
        hint = "convert to kubernetes, or keep the models in a folder of the host (model_cache)"
        place = Location(path="opea_deployment.model_cache")
        raise BlueprintError(message, code="compose-cannot", location=place, hint=hint)
    with_shell.sort(key=lambda item: small.index(item.role) if item.role in small else len(small))
    first = with_shell[0]
    services[name] = in_order(owner_service(blueprint, first.image, first.shell))


def _configs(blueprint: Blueprint) -> dict[str, Any]:
    return {
        config_name(workload, file): {"content": file.content}
        for workload in blueprint.workloads
        for file in workload.files
    }


def _extension(application: Application, services: Mapping[str, Any]) -> dict[str, Any]:
    """The application, and a digest of each service, so that a change by hand is seen."""
    return {
        "application": application.to_document(),
        "digests": {name: digest(service) for name, service in services.items()},
    }


def digest(service: Any) -> str:
    """A short digest of a service as plain data."""
    text = json.dumps(service, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
