"""Whether the engine has the cards that an application needs, and gives them to containers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from opea_pulumi.components.docker.cards import holders, present, too_few

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.catalog import DockerCardRow, docker_cards
from opea_pulumi.convert.compose import HOST_GROUP
from opea_pulumi.errors import PreflightError

Containers = Mapping[str, Mapping[str, Any]]


def wanted_cards(blueprint: Blueprint) -> Counter[str]:
    """How many cards of each kind all workloads together need."""
    wanted: Counter[str] = Counter()
    for workload in blueprint.workloads:
        if workload.resources.accelerators:
            wanted[workload.resources.accelerator] += workload.resources.accelerators
    return wanted


def missing_cards(
    wanted: Mapping[str, int], info: Mapping[str, Any], foreign: Containers, *, local: bool
) -> Iterator[PreflightError]:
    """What lacks; ``foreign`` are the containers of others, whose cards are not free.

    How many cards there are is known of this machine only.
    """
    for kind, count in sorted(wanted.items()):
        row = docker_cards().get(kind)
        if row is None:
            continue  # no engine has such cards: the blueprint's conversion says so
        if row.runtime and row.runtime not in (info.get("Runtimes") or {}) and not _by_cdi(row, info):
            message = (
                f"the application needs {count} {row.word} cards, and the engine has no runtime {row.runtime}"
            )
            hint = f"{row.install}; or choose another --hardware"
            yield PreflightError(message, code="no-runtime", hint=hint)
            continue
        there, others = (present(kind) if local else None), holders(kind, foreign)
        held = sum(len(holder.indexes) + holder.unnamed for holder in others)
        none_left = any(holder.every for holder in others)
        if none_left or (there is not None and there - held < count):
            yield too_few(kind, count, there, others)
        elif row.host_group and not local and not os.environ.get(HOST_GROUP):
            message = f"the group of the {row.word} cards' device files on the engine's host is not known"
            hint = f"export {HOST_GROUP}=$(ssh HOST stat -c %g /dev/dri/renderD{row.first})"
            yield PreflightError(message, code="no-host-group", hint=hint)


def _by_cdi(row: DockerCardRow, info: Mapping[str, Any]) -> bool:
    """Engines since 28.2 list the devices of the Container Device Interface."""
    names = [str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()]
    return bool(row.cdi) and any(name.partition("=")[0] == row.cdi for name in names)
