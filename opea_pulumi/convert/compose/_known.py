"""Which image is what: the catalogue's releases, read backwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from opea_pulumi.catalog import DEFAULT_RELEASE, Release, RunnableRow, load_release, releases
from opea_pulumi.terms import Profile

from ._project import ComposeService


@dataclass(frozen=True)
class Known:
    """One use of an image: ``role`` and ``name`` as the catalogue has them (a type, a kind of server ...)."""

    role: str
    name: str
    row: RunnableRow
    hardware: str = ""


def choose_release(services: Mapping[str, ComposeService]) -> Release:
    """The release that knows most of the images; of equals, the default one."""
    default = DEFAULT_RELEASE[Profile.OPEA]
    names = sorted(releases(), key=lambda name: (name != default, name))
    return max((load_release(name) for name in names), key=lambda release: _fit(release, services))


def _fit(release: Release, services: Mapping[str, ComposeService]) -> tuple[int, int]:
    rows = [known(release, service) for service in services.values()]
    same_tag = [
        any(use.row.image.format(version="") == service.image.value for use in uses)
        for uses, service in zip(rows, services.values(), strict=True)
    ]
    return sum(bool(uses) for uses in rows), sum(same_tag)


def known(release: Release, service: ComposeService) -> list[Known]:
    """What a service may be, by its image and, where several rows share it, by what it starts."""
    image = repository(service.image.value)
    uses = [use for use in _uses(release.release) if image and repository(use.row.image) == image]
    start = tuple(word.value for word in service.start)
    same = [use for use in uses if use.row.command and use.row.command == start[: len(use.row.command)]]
    if same:
        return same
    return [use for use in uses if not (use.row.command and start)] or (
        uses if len({use.name for use in uses}) == 1 else []
    )


def repository(image: str) -> str:
    """An image without registry, tag and digest: at most its last two words."""
    plain = image.partition("@")[0]
    folder, _, last = plain.rpartition("/")
    return f"{folder.rpartition('/')[2]}/{last.partition(':')[0]}".lstrip("/")


@cache
def _uses(name: str) -> tuple[Known, ...]:
    return tuple(_all_uses(load_release(name)))


def _all_uses(release: Release) -> Iterator[Known]:
    yield Known("router", "router", release.router)
    for app, megaservice in release.megaservices.items():
        yield Known("megaservice", app, megaservice)
    for name, ui in release.uis.items():
        yield Known("ui", name, ui)
    if release.gateway:
        yield Known("gateway", "gateway", release.gateway)
    if release.prefetch:
        yield Known("prefetch", "prefetch", release.prefetch)
    for kind, service in release.services.items():
        yield Known("service", kind, service)
        yield from (Known("service", kind, row, hardware) for hardware, row in service.devices.items())
    for kind, server in release.servers.items():
        yield from (Known("server", kind, row, hardware) for hardware, row in server.devices.items())
    for kind, store in release.stores.items():
        if store.server:
            yield Known("store", kind, store.server)
        yield from (Known("companion", kind, row) for row in store.companions.values())
