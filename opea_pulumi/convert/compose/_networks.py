"""Networks: the application's own has no way out, and nothing is published but one port.

Docker publishes no port of a container that is only in an internal network, so the published
workload is in a second one, whose containers reach nothing outside either (it does not masquerade).
Only workloads that call the model hub or a remote service are in the third.
"""

from __future__ import annotations

from typing import Any

from opea_pulumi.blueprint import Blueprint, Workload

INSIDE, EDGE, OUTSIDE = "default", "edge", "outside"


def published(blueprint: Blueprint) -> str:
    """The workload that users reach: the gateway of the ui, else what runs the flow."""
    return blueprint.ui or blueprint.route.workload


def networks_of(blueprint: Blueprint) -> dict[str, Any]:
    """The top-level ``networks`` that any service uses."""
    used = {name for item in blueprint.workloads for name in _networks(blueprint, item)}
    masquerade = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    networks: dict[str, dict[str, Any]] = {
        INSIDE: {"internal": True},
        EDGE: {"driver_opts": masquerade},
        OUTSIDE: {},
    }
    return {name: options for name, options in networks.items() if name in used or name == INSIDE}


def apply_networks(service: dict[str, Any], blueprint: Blueprint, workload: Workload) -> None:
    """Put a service into its networks, and publish its port if it is the one."""
    names = _networks(blueprint, workload)
    if len(names) > 1:
        service["networks"] = names
    if workload.name == published(blueprint):
        port = workload.port
        bound = blueprint.settings.exposure.bound
        service["ports"] = [f"{bound}:{_host_port(blueprint)}:{port.number}"]


def _host_port(blueprint: Blueprint) -> int:
    """The port that was asked for, else the container's."""
    return asked_port(blueprint) or blueprint.workload(published(blueprint)).port.number


def asked_port(blueprint: Blueprint) -> int | None:
    """The port that was asked for: with the address, else the ui's own, else the mega service's."""
    front, route = blueprint.workload(published(blueprint)), blueprint.workload(blueprint.route.workload)
    return blueprint.settings.exposure.port or front.port.requested or route.port.requested


def url_of(blueprint: Blueprint) -> str:
    """Where users reach the application."""
    path = "" if blueprint.ui else blueprint.route.endpoint
    exposure = blueprint.settings.exposure
    return f"{exposure.scheme}://{exposure.reached}:{_host_port(blueprint)}{path}"


def _networks(blueprint: Blueprint, workload: Workload) -> list[str]:
    if workload.egress:
        return [INSIDE, OUTSIDE]
    return [INSIDE, EDGE] if workload.name == published(blueprint) else [INSIDE]
