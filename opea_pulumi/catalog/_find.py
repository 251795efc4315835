"""Questions about the catalogue: what it knows under a name, and which images a release has."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from opea_pulumi.errors import CatalogError, shown
from opea_pulumi.terms import Profile

from ._load import DEFAULT_RELEASE, application_text, applications, load_release, models, releases
from ._model import Release, RunnableRow, ServerRow, ServiceRow


@dataclass(frozen=True)
class Found:
    """One entry of the catalogue: a row of a data file; ``release`` is empty where it belongs to none.

    ``also`` are the further releases that have an entry of this kind and name.
    """

    kind: str
    name: str
    release: str
    row: BaseModel | str
    also: tuple[str, ...] = ()


def description(application: str) -> str:
    """What a known application is for: the first line of its file.

    Raises:
        CatalogError: the catalogue knows no such application.
    """
    first = application_text(application).partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def find(name: str, release: str | None = None) -> list[Found]:
    """Everything that the catalogue knows under a name: in a release, or in the newest that has it.

    Raises:
        CatalogError: nothing has that name; the hint is the closest one that something has.
    """
    asked = [release] if release else _preferred()
    entries = [entry for known in asked for entry in _entries(load_release(known))]
    unreleased = [Found("application", key, "", application_text(key)) for key in applications()]
    unreleased += [Found("model", key, "", row) for key, row in sorted(models().items())]
    matching = [entry for entry in (*unreleased, *entries) if entry.name == name]
    if not matching:
        raise _unknown(name, {entry.name for entry in (*unreleased, *entries)}, release)
    first: dict[str, Found] = {}
    for entry in matching:
        known = first.setdefault(entry.kind, entry)
        if known is not entry:
            also = (*known.also, entry.release)
            first[entry.kind] = Found(known.kind, known.name, known.release, known.row, also)
    return list(first.values())


def images_of(release: Release) -> tuple[str, ...]:
    """Every image of a release, sorted, as its data files write them."""
    return tuple(sorted({row.image for row in _runnables(release) if row.image}))


def served_type(release: Release, server: str) -> str:
    """The type of microservice that a server is usually behind; empty when none can use it.

    What its row says, else the type whose own default it is, else the first that can use it.
    """
    users = [kind for kind, row in release.services.items() if server in row.servers]
    own = [kind for kind in users if release.services[kind].server == server]
    said = release.servers[server].serves if server in release.servers else ""
    return said or next(iter([*own, *users]), "")


def _preferred() -> list[str]:
    default = DEFAULT_RELEASE[Profile.OPEA]
    return sorted(releases(), key=lambda name: (name != default, name))


def _entries(release: Release) -> Iterator[Found]:
    groups: dict[str, Mapping[str, BaseModel]] = {
        "service": release.services,
        "server": release.servers,
        "store": release.stores,
        "megaservice": release.megaservices,
        "user interface": release.uis,
    }
    for kind, rows in groups.items():
        for name, row in sorted(rows.items()):
            yield Found(kind, name, release.release, row)
    yield Found("release", release.release, release.release, release)


def _unknown(name: str, known: set[str], release: str | None) -> CatalogError:
    lower = {item.lower(): item for item in sorted(known)}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    listed = "opea-pulumi catalog lists the names"
    hint = f"did you mean {lower[close[0]]!r}?" if close else listed
    where = f" in release {release}" if release else ""
    return CatalogError(f"the catalogue has no {shown(name)}{where}", code="unknown-name", hint=hint)


def _runnables(release: Release) -> Iterator[RunnableRow]:
    rows: list[ServiceRow | ServerRow] = [*release.services.values(), *release.servers.values()]
    for row in rows:
        if isinstance(row, RunnableRow):
            yield row
        yield from row.devices.values()
    for store in release.stores.values():
        if store.server is not None:
            yield store.server
        yield from store.companions.values()
    yield release.router
    yield from release.megaservices.values()
    yield from release.uis.values()
    yield from (row for row in (release.gateway, release.prefetch) if row is not None)
