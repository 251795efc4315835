"""Accelerator cards: every card belongs to one service (``all`` in two services is OPEA's own mistake)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opea_pulumi.blueprint import Workload
from opea_pulumi.catalog import docker_cards
from opea_pulumi.errors import BlueprintError, Location, shown

from ._escape import Variable

HOST_GROUP = "RENDER_GID"
"""The variable that says the number of the host's group that owns the cards' device files."""


def partition(workloads: Iterable[Workload]) -> dict[str, tuple[int, ...]]:
    """The card indexes of every workload that has cards.

    Counted for each kind of card; who needs most comes first, so that its cards are neighbours.
    """
    free: dict[str, int] = {}
    cards: dict[str, tuple[int, ...]] = {}
    for workload in by_need(workloads):
        kind = workload.resources.accelerator
        first = free.get(kind, 0)
        free[kind] = first + workload.resources.accelerators
        cards[workload.name] = tuple(range(first, free[kind]))
    return cards


def by_need(workloads: Iterable[Workload]) -> list[Workload]:
    """The workloads that have cards, who needs most first."""
    with_cards = [item for item in workloads if item.resources.accelerators]
    return sorted(with_cards, key=lambda item: -item.resources.accelerators)


def apply_devices(service: dict[str, Any], workload: Workload, cards: tuple[int, ...]) -> None:
    """Add what gives a service exactly these cards (the facts are the catalogue's)."""
    kind, names = workload.resources.accelerator, [str(card) for card in cards]
    row = docker_cards().get(kind)
    if row is None:
        message = f"Compose knows no cards {shown(kind)} ({workload.name})"
        place = Location(path="opea_deployment.hardware")
        raise BlueprintError(message, code="compose-cannot", location=place, hint="convert to kubernetes")
    if row.driver:
        device = {"driver": row.driver, "device_ids": names, "capabilities": ["gpu"]}
        service["deploy"]["resources"]["reservations"]["devices"] = [device]
        return
    service["environment"] = {**service.get("environment", {}), row.variable: ",".join(names)}
    if row.runtime:
        service["runtime"] = row.runtime
    if row.devices:
        service["devices"] = list(row.devices)
        # root without capabilities is not above the groups of the device files
        group = [Variable(f"${{{HOST_GROUP}:-{row.host_group}}}")] if row.host_group else []
        service["group_add"] = [*row.groups, *group]
