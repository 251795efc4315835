"""A service in Compose's words as the arguments of a pulumi_docker Container: plain data, no resources.

What Docker runs of an application is decided once, by ``opea_pulumi.convert.compose``; here it only gets
the names of pulumi-docker (https://www.pulumi.com/registry/packages/docker/api-docs/container/).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from opea_pulumi.convert.compose import HOST_GROUP, number_of_bytes
from opea_pulumi.docker_engine import engine_address

from .cards import host_group

_MIB = 2**20
_UNITS = {"b": "", "k": "Ki", "m": "Mi", "g": "Gi"}
_SLACK = 30
"""Seconds that a container gets beyond its start budget, for the engine's own work."""


def arguments_of(service: Mapping[str, Any]) -> dict[str, Any]:
    """All that needs no other resource: not the image, networks, mounts, secrets and published ports."""
    arguments: dict[str, Any] = {
        "entrypoints": service.get("entrypoint"),
        "command": service.get("command"),
        "envs": environment_of(service),
        "user": service.get("user"),
        "read_only": service.get("read_only", False),
        "privileged": service.get("privileged"),
        "security_opts": _security(service),
        "group_adds": [_filled(group) for group in service.get("group_add", ())],
        "ipc_mode": service.get("ipc"),
        "runtime": service.get("runtime"),
        "tmpfs": dict(_split(entry) for entry in service.get("tmpfs", ())),
        "devices": [{"host_path": path, "container_path": path} for path in service.get("devices", ())],
        "destroy_grace_seconds": 10,
        **_capabilities(service),
        **_restart(service),
        **_memory(service),
        **_health(service),
    }
    return {key: value for key, value in arguments.items() if value not in (None, [], {})}


def runs_once(service: Mapping[str, Any]) -> bool:
    """Whether the container ends by itself, and others wait for its end."""
    return service.get("restart", "no").partition(":")[0] in ("no", "on-failure")


def start_seconds(service: Mapping[str, Any]) -> int:
    """How long the container may take until it is healthy; 0 when nothing tells."""
    check = service.get("healthcheck")
    if not check:
        return 0
    every = _seconds(check["interval"]) + _seconds(check["timeout"])
    return _seconds(check["start_period"]) + int(check["retries"]) * every + _SLACK


def environment_of(service: Mapping[str, Any]) -> list[str]:
    """``NAME=value``, sorted: pulumi-docker holds a set."""
    return sorted(f"{name}={value}" for name, value in service.get("environment", {}).items())


def _security(service: Mapping[str, Any]) -> list[str]:
    """Docker adds ``label=disable`` in the host's namespaces, which the provider would see as a change."""
    options = list(service.get("security_opt", ()))
    own = any(option.startswith("label") for option in options)
    wide = service.get("ipc") == "host" or service.get("pid") == "host" or service.get("privileged")
    return [*options, "label=disable"] if wide and not own else options


def _capabilities(service: Mapping[str, Any]) -> dict[str, Any]:
    both = {"adds": list(service.get("cap_add", ())), "drops": list(service.get("cap_drop", ()))}
    given = {key: names for key, names in both.items() if names}
    return {"capabilities": given} if given else {}


def _restart(service: Mapping[str, Any]) -> dict[str, Any]:
    name, _, count = service.get("restart", "no").partition(":")
    once = {"must_run": False, "attach": True} if runs_once(service) else {}
    return {"restart": name, **({"max_retry_count": int(count)} if count else {}), **once}


def _memory(service: Mapping[str, Any]) -> dict[str, Any]:
    resources = service.get("deploy", {}).get("resources", {})
    limits, reserved = resources.get("limits", {}), resources.get("reservations", {})
    sizes = {
        "memory": limits.get("memory"),
        "memory_reservation": reserved.get("memory"),
        "shm_size": service.get("shm_size"),
    }
    arguments: dict[str, Any] = {key: mebibytes(text) for key, text in sizes.items() if text}
    if "memory" in arguments:  # what Docker makes of a missing one, which the provider then sees as a change
        arguments["memory_swap"] = 2 * arguments["memory"]
    if "cpus" in limits:
        arguments["cpus"] = str(limits["cpus"])
    if requests := reserved.get("devices"):
        names = ("driver", "device_ids", "capabilities")
        arguments["device_requests"] = [{name: request[name] for name in names} for request in requests]
    return arguments


def _health(service: Mapping[str, Any]) -> dict[str, Any]:
    check = service.get("healthcheck")
    if not check:
        return {}
    times = {key: check[key] for key in ("interval", "timeout", "start_period", "retries")}
    return {
        "healthcheck": {"tests": list(check["test"]), **times},
        "wait": True,
        "wait_timeout": start_seconds(service),
    }


def mebibytes(size: str) -> int:
    """A size as Compose writes it (``3g``); a part of a MiB counts as one."""
    return -(-number_of_bytes(size[:-1] + _UNITS[size[-1]]) // _MIB)


def _seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def _split(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _filled(text: str) -> str:
    """``${NAME:-default}``, the one form that the converter writes; this machine knows its own groups."""
    if not text.startswith("${"):
        return text
    name, _, default = text[2:-1].partition(":-")
    here = host_group() if name == HOST_GROUP and engine_address().is_local else ""
    return os.environ.get(name) or here or default
