"""`docker inspect` of a container as fields, in which two that are made in different ways can be compared."""

from collections.abc import Iterator, Mapping
from typing import Any

_VARY = ("Config.Hostname", "Config.Image", "HostConfig.ContainerIDFile")
"""An id, the image's name or id (`Image` is its id on both sides), where a client writes an id."""

_ELSEWHERE = ("HostConfig.Binds", "HostConfig.Mounts", "Config.Labels", "HostConfig.PortBindings")
"""Told by fields of this module."""

_TOOLS = ("com.docker.compose", "opea")


def fields(seen: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Every field of `Config` and `HostConfig` by its path, and what else the container is.

    ``prefix`` is what the names of the stack or project begin with; it is left out, and so are ids and the
    port of the host.
    """
    config, host = seen["Config"], seen["HostConfig"]
    found = {f"Config.{key}": value or None for key, value in config.items()}
    found |= {f"HostConfig.{key}": value or None for key, value in host.items()}
    found |= {
        "Name": seen["Name"].lstrip("/"),
        "Image": seen["Image"],
        "Config.Env": sorted(config["Env"] or ()),
        "Published": [
            f"{port} {row['HostIp']}" for port, rows in (host["PortBindings"] or {}).items() for row in rows
        ],
        "Networks": sorted(_networks(seen)),
        "Mounts": sorted(mount for mount in _mounts(seen) if " /run/secrets" not in mount),
        "Secrets": sorted(mount for mount in _mounts(seen) if " /run/secrets" in mount),
        **dict(_labels(config["Labels"])),
        **{f"HostConfig.{key}": sorted(host[key] or ()) for key in ("CapDrop", "SecurityOpt", "GroupAdd")},
        "HostConfig.CapAdd": sorted(name.removeprefix("CAP_") for name in host["CapAdd"] or ()),
    }
    return {
        path: _without(value, (f"{prefix}-", f"{prefix}_"))
        for path, value in found.items()
        if path not in (*_VARY, *_ELSEWHERE)
    }


def _labels(labels: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Those of the application and the image, and of which tool the others are."""
    tools = {
        key: tool
        for key in labels
        for tool in _TOOLS
        if key.startswith(f"{tool}.") and not key.startswith("opea.test.")  # the image's
    }
    yield "Labels", {key: value for key, value in labels.items() if key not in tools}
    yield "Labels of", sorted(set(tools.values()))


def _mounts(seen: Mapping[str, Any]) -> Iterator[str]:
    """What is mounted where, and whether a new volume takes what the image has there."""
    asked = {
        mount["Target"]: mount.get("VolumeOptions") or {} for mount in seen["HostConfig"].get("Mounts") or ()
    }
    for mount in seen["Mounts"]:
        place = mount["Destination"]
        source = mount.get("Name") or mount["Source"]
        copies = [] if asked.get(place, {}).get("NoCopy") else ["copies"]
        yield " ".join([mount["Type"], source, place, "rw" if mount["RW"] else "ro", *copies])


def _networks(seen: Mapping[str, Any]) -> Iterator[str]:
    """Each network with the names that the container has there, beside its own name and id."""
    own = {seen["Id"][:12], seen["Name"].lstrip("/")}
    for name, settings in seen["NetworkSettings"]["Networks"].items():
        yield f"{name} as {','.join(sorted(set(settings['Aliases'] or ()) - own))}"


def _without(value: Any, prefixes: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for prefix in prefixes:
            value = value.replace(prefix, "")
        return value
    if isinstance(value, list):
        return [_without(item, prefixes) for item in value]
    if isinstance(value, Mapping):
        return {key: _without(item, prefixes) for key, item in value.items()}
    return value
