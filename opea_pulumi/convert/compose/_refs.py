"""Who calls whom: the environment of a service that the catalogue knows tells what another one is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from opea_pulumi.catalog import Environment, MegaserviceRow, Reference, Release, ServiceRow, UiRow

from ._known import Known
from ._project import Project
from ._variables import Text


@dataclass(frozen=True)
class Purpose:
    """What a caller takes a service for: ``kind`` is ``server``, ``service`` or ``store``, of a ``type``."""

    kind: str
    type: str
    caller: str


def references(known: Known, release: Release) -> Iterator[tuple[str, Reference]]:
    """The variables of a row whose values are addresses."""
    for environment in environments(known, release):
        for variable, value in environment.items():
            if isinstance(value, Reference) and value.endpoint:
                yield variable, value


def environments(known: Known, release: Release) -> Iterator[Environment]:
    """Every environment that the catalogue may give a service."""
    row = known.row
    yield row.environment
    if isinstance(row, ServiceRow):
        yield from row.servers.values()
        yield row.remote
    if known.role == "service":
        yield from (
            store.clients[known.name] for store in release.stores.values() if known.name in store.clients
        )
    if known.role == "server":
        yield release.servers[known.name].environment
        yield dict(release.servers[known.name].cache)
    if isinstance(row, MegaserviceRow):
        yield from (variant.environment for variant in row.variants)
        yield from row.remote.values()
    if isinstance(row, UiRow):
        yield row.gateway


def purposes(project: Project, uses: Mapping[str, list[Known]], release: Release) -> dict[str, list[Purpose]]:
    """What every service is taken for by those that call it."""
    hosts = Hosts(project)
    found: dict[str, list[Purpose]] = {name: [] for name in project.services}
    for caller, known in uses.items():
        for use in known:
            for variable, reference in references(use, release):
                value = project.services[caller].environment.get(variable)
                called = hosts.called(value) if value else ""
                if called:
                    found[called].append(_purpose(reference, use, caller))
    return found


def outside(value: Text, project: Project) -> str:
    """An address outside of the file; empty when it is none."""
    parts = _split(value.value)
    good = value.value.startswith(("http://", "https://")) and not value.missing and parts and "." in parts[0]
    return value.value if good and not Hosts(project).called(value) else ""


def _purpose(reference: Reference, use: Known, caller: str) -> Purpose:
    where, _, part = reference.endpoint.partition(".")
    if where == "server":
        return Purpose("server", use.name, caller)
    if where in ("store", "companion"):
        return Purpose("store", part, caller)
    return Purpose("server" if part else "service", where, caller)


class Hosts:
    """The services of a project by their addresses."""

    def __init__(self, project: Project) -> None:
        self.by_name = {alias: item.name for item in project.services.values() for alias in item.names}
        self.by_port: dict[str, set[str]] = {}
        for item in project.services.values():
            for host, _ in item.ports:
                self.by_port.setdefault(host.value, set()).add(item.name)

    def called(self, value: Text) -> str:
        """The service at an address; one of the host's own is known by its published port."""
        host, port = _split(value.value) or ("", "")
        if host in self.by_name:
            return self.by_name[host]
        if (host and not value.missing) or not port:
            return ""
        published = self.by_port.get(port, set())
        return min(published) if len(published) == 1 else ""


def _split(address: str) -> tuple[str, str] | None:
    """Host and port of a URL, or of ``host:port``, or a host alone."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return parts.hostname or "", str(parts.port or "")
    except ValueError:
        return None
