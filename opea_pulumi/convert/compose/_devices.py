"""Accelerator cards: every card belongs to one service (``all`` in two services is OPEA's own mistake)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opea_pulumi.blueprint import Workload
from opea_pulumi.errors import BlueprintError, Location, shown

from ._escape import Variable

HABANA = "habana.ai/gaudi"
NVIDIA = "nvidia.com/gpu"
AMD = "amd.com/gpu"

_RENDER_GROUP = Variable("${RENDER_GID:-109}")


def partition(workloads: Iterable[Workload]) -> dict[str, tuple[int, ...]]:
    """The card indexes of every workload that has cards.

    Counted for each kind of card; who needs most comes first, so that its cards are neighbours.
    """
    with_cards = [item for item in workloads if item.resources.accelerators]
    free: dict[str, int] = {}
    cards: dict[str, tuple[int, ...]] = {}
    for workload in sorted(with_cards, key=lambda item: -item.resources.accelerators):
        kind = workload.resources.accelerator
        first = free.get(kind, 0)
        free[kind] = first + workload.resources.accelerators
        cards[workload.name] = tuple(range(first, free[kind]))
    return cards


def apply_devices(service: dict[str, Any], workload: Workload, cards: tuple[int, ...]) -> None:
    """Add what gives a service exactly these cards."""
    kind, indexes = workload.resources.accelerator, ",".join(str(card) for card in cards)
    if kind == HABANA:
        service["runtime"] = "habana"
        service["environment"] = {**service.get("environment", {}), "HABANA_VISIBLE_DEVICES": indexes}
    elif kind == NVIDIA:
        device = {"driver": "nvidia", "device_ids": [str(card) for card in cards], "capabilities": ["gpu"]}
        service["deploy"]["resources"]["reservations"]["devices"] = [device]
    elif kind == AMD:
        service["devices"] = ["/dev/kfd", "/dev/dri"]
        # root without capabilities is not above the groups of the device files
        service["group_add"] = ["video", _RENDER_GROUP]
        service["environment"] = {**service.get("environment", {}), "HIP_VISIBLE_DEVICES": indexes}
    else:
        message = f"Compose knows no cards {shown(kind)} ({workload.name})"
        place = Location(path="opea_deployment.hardware")
        raise BlueprintError(message, code="compose-cannot", location=place, hint="convert to kubernetes")
