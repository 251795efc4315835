"""Which cards every workload gets on an engine whose cards others use, too.

Deterministic: a workload keeps the cards that its container has, else it gets the lowest neighbours that are
free, else the lowest that are. A card is free when no running container has it (what ``docker inspect``
shows). Two updates at the same time do not see each other.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opea_pulumi.blueprint import Workload
from opea_pulumi.catalog import DockerCardRow, docker_cards
from opea_pulumi.convert.compose import by_need
from opea_pulumi.docker_engine import engine_address
from opea_pulumi.errors import PreflightError

Containers = Mapping[str, Mapping[str, Any]]
"""Containers by name, as ``docker inspect`` shows them."""

_HOLDING = ("running", "restarting", "paused")
_NONE = ("", "void", "none", "NoDevFiles")
"""What the runtimes' variables say for no card."""


@dataclass(frozen=True)
class Holder:
    """A container with cards: their indexes, or ``every`` card; ``unnamed`` ones have no index (an UUID)."""

    name: str
    indexes: frozenset[int] = frozenset()
    every: bool = False
    unnamed: int = 0

    def __str__(self) -> str:
        if self.every:
            return f"{self.name} (all)"
        names = [str(index) for index in sorted(self.indexes)] + ["?"] * self.unnamed
        return f"{self.name} ({','.join(names)})"


def holders(kind: str, containers: Containers) -> list[Holder]:
    """The running containers that have cards of a kind, by name."""
    row = docker_cards().get(kind)
    found = [_holder(row, name, shown) for name, shown in sorted(containers.items()) if row and _holds(shown)]
    return [holder for holder in found if holder.every or holder.indexes or holder.unnamed]


def _holds(shown: Mapping[str, Any]) -> bool:
    return str((shown.get("State") or {}).get("Status", "")) in _HOLDING


def _holder(row: DockerCardRow, name: str, shown: Mapping[str, Any]) -> Holder:
    names = [*_requested(row, shown), *_in_environment(row, shown), *_files(row, shown)]
    indexes = {int(text) for text in names if text.isdecimal()}
    unnamed = {text for text in names if text not in (*_NONE, "all") and not text.isdecimal()}
    return Holder(name, frozenset(indexes), "all" in names, len(unnamed))


def _requested(row: DockerCardRow, shown: Mapping[str, Any]) -> Iterator[str]:
    """Cards of device requests: ``--gpus``, or devices of the Container Device Interface."""
    for request in (shown.get("HostConfig") or {}).get("DeviceRequests") or ():
        names = [str(name) for name in request.get("DeviceIDs") or ()]
        if request.get("Driver") == "cdi":
            yield from (name.partition("=")[2] for name in names if name.partition("=")[0] == row.cdi)
        elif row.driver and request.get("Driver") in ("", row.driver):
            yield from names
            count = int(request.get("Count") or 0)
            yield from ["all"] if count < 0 else map(str, range(count))


def _in_environment(row: DockerCardRow, shown: Mapping[str, Any]) -> Iterator[str]:
    """Cards that the variable names, where the runtime or the device files make it count."""
    host = shown.get("HostConfig") or {}
    files = {str(device.get("PathOnHost")) for device in host.get("Devices") or ()}
    by_files = bool(row.devices) and files.issuperset(row.devices)
    if not by_files and (not row.runtime or host.get("Runtime") != row.runtime):
        return
    environment = dict(line.partition("=")[::2] for line in (shown.get("Config") or {}).get("Env") or ())
    yield from environment.get(row.variable, "all" if by_files else "").split(",")


def _files(row: DockerCardRow, shown: Mapping[str, Any]) -> Iterator[str]:
    """Cards whose own device files a container has."""
    for device in (shown.get("HostConfig") or {}).get("Devices") or ():
        path = str(device.get("PathOnHost"))
        number = re.search(r"\d+$", path)
        if number and fnmatch.fnmatch(path, row.device_files):
            yield str(int(number[0]) - row.first)


ROOT = Path("/")
"""Below which device files are looked for."""


def present(kind: str) -> int:
    """How many cards of a kind this machine has, by their device files."""
    row = docker_cards().get(kind)
    return len(_device_files(row)) if row else 0


def _device_files(row: DockerCardRow) -> list[Path]:
    return sorted(ROOT.glob(row.device_files.lstrip("/")))


def host_group() -> str:
    """The number of the group that owns the device files of cards on this machine; empty without any."""
    for row in docker_cards().values():
        for file in _device_files(row) if row.host_group else ():
            return str(file.stat().st_gid)
    return ""


def allot(
    workloads: Iterable[Workload],
    called: Callable[[str], str],
    containers: Containers,
    ours: Collection[str],
    taken: Mapping[str, Set[int]] | None = None,
) -> dict[str, tuple[int, ...]]:
    """The card indexes of every workload that has cards.

    ``called`` gives the name of a workload's container; containers in ``ours`` belong to this application
    (what they have and nobody keeps is free), ``taken`` are more cards by kind that are not.

    Raises:
        PreflightError: too few are free (``not-enough-cards``).
    """
    foreign = {name: shown for name, shown in containers.items() if name not in ours}
    allotted: dict[str, tuple[int, ...]] = {}
    wanted = by_need(workloads)
    for kind in sorted({item.resources.accelerator for item in wanted}):
        others = holders(kind, foreign)
        busy = {index for holder in others for index in holder.indexes} | set((taken or {}).get(kind, ()))
        of_kind = [item for item in wanted if item.resources.accelerator == kind]
        for keeps in (True, False):  # who has cards chooses before who has none
            for item in of_kind:
                if item.name in allotted:
                    continue
                own = _own(kind, called(item.name), containers)
                count = item.resources.accelerators
                if keeps and (len(own) != count or not busy.isdisjoint(own)):
                    continue
                chosen = own if keeps else _free(kind, count, busy, others)
                allotted[item.name] = chosen
                busy |= set(chosen)
    return allotted


def _own(kind: str, name: str, containers: Containers) -> tuple[int, ...]:
    """The cards of a container, whether it runs or not."""
    row = docker_cards().get(kind)
    shown = containers.get(name)
    return tuple(sorted(_holder(row, name, shown).indexes)) if row and shown else ()


def _free(kind: str, count: int, busy: Set[int], others: list[Holder]) -> tuple[int, ...]:
    there = (present(kind) if engine_address().is_local else 0) or None
    every = there or max(busy, default=-1) + 1 + count
    free = [index for index in range(every) if index not in busy]
    if any(holder.every for holder in others) or len(free) < count:
        raise too_few(kind, count, there, others)
    runs = (tuple(range(index, index + count)) for index in free)
    return next((run for run in runs if set(run) <= set(free)), tuple(free[:count]))


def too_few(kind: str, count: int, there: int | None, others: list[Holder]) -> PreflightError:
    """The error that says how many cards are needed, are there (if that is known), and are held by whom."""
    word = docker_cards()[kind].word if kind in docker_cards() else kind
    message = f"the application needs {count} {word} card{'s' if count > 1 else ''}"
    message += "" if there is None else f", and this machine has {there}"
    if others:
        held = sum(len(holder.indexes) + holder.unnamed for holder in others)
        number = "all" if any(holder.every for holder in others) else str(held)
        message += f"; {number} held by {', '.join(map(str, others))}"
    hint = "set server.resources.accelerators, choose smaller models or another --hardware"
    hint = f"stop what holds them, {hint}" if others else hint
    return PreflightError(message, code="not-enough-cards", hint=hint)
