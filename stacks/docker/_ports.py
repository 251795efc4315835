"""Where users reach a stack: whether this host has the address, and who has the port that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from opea_pulumi.blueprint import Exposure
from opea_pulumi.convert.compose import asked_port, published
from opea_pulumi.docker_engine import can_listen
from opea_pulumi.errors import Location, PreflightError
from opea_pulumi.targets import Deployment

_ADDRESS = Location(path="opea_deployment.address")


def refused_place(
    deployment: Deployment, containers: list[Mapping[str, Any]], *, local: bool
) -> Iterator[PreflightError]:
    """Why the stack's port could not be published; ``containers`` are the engine's, ``local``: it is here."""
    exposure = deployment.blueprint.settings.exposure
    if local and not can_listen(exposure.address, 0):
        yield _no_address(exposure.address)
        return
    port = asked_port(deployment.blueprint)
    if port is None:
        return
    holders = [row for row in containers if any(_meets(exposure, port, each) for each in row["Ports"] or ())]
    others = [row for row in holders if (row.get("Labels") or {}).get("opea.stack") != deployment.stack]
    if others:
        yield _taken(deployment, port, f"is published by container {others[0]['Names'][0].lstrip('/')}")
    elif local and not holders and not can_listen(exposure.address, port):
        yield _taken(deployment, port, f"is taken by {_process(exposure, port)}")


def _no_address(address: str) -> PreflightError:
    import psutil

    kinds = ("AF_INET", "AF_INET6")
    own = [row.address for rows in psutil.net_if_addrs().values() for row in rows if row.family.name in kinds]
    plain = sorted({text for text in own if "%" not in text}, key=lambda text: (":" in text, text))
    hint = f"it has {', '.join(plain)}; 0.0.0.0 is all of IPv4, [::] all"
    message = f"this host has no address {address}"
    return PreflightError(message, code="no-such-address", location=_ADDRESS, hint=hint)


def _meets(exposure: Exposure, port: int, binding: Mapping[str, Any]) -> bool:
    """Whether a container's published port is in the way."""
    if binding.get("PublicPort") != port:
        return False
    both = {ip_address(binding.get("IP") or "0.0.0.0"), ip_address(exposure.address)}  # noqa: S104
    everywhere = {address for address in both if address.is_unspecified}
    versions = {address.version for address in both}
    return len(both) == 1 or any(all_.version == 6 or versions == {4} for all_ in everywhere)


def _process(exposure: Exposure, port: int) -> str:
    from opea_pulumi.provider import listener

    return str(listener(port, exposure.address))


def _taken(deployment: Deployment, port: int, how: str) -> PreflightError:
    blueprint = deployment.blueprint
    message = f"port {port} of {published(blueprint)} {how}"
    hint = "stop that, or choose another port (--expose ADDRESS:PORT); without one a free one is found"
    location = _ADDRESS if blueprint.settings.exposure.port else None
    return PreflightError(message, code="port-taken", location=location, hint=hint)
