"""What the Docker engine has for applications: looked at, never changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from opea_pulumi.catalog import docker_cards
from opea_pulumi.docker_engine import connect, engine_address
from opea_pulumi.errors import OperationError
from opea_pulumi.targets import Check

from .._preflight import extras_check
from .preflight import NEEDS

_GIB = 2**30
_OLDEST = (1, 41)
"""The API of Docker 20.10, the oldest engine that is tested."""

_OUTSIDE = {"registry": ("registry-1.docker.io", 443), "hub": ("huggingface.co", 443)}
_SECONDS = 2.0


def checks() -> Iterator[Check]:
    """The packages; with them the engine; with that what it has, and what can be reached from here."""
    packages = extras_check("docker", NEEDS)
    yield packages
    if packages.state != "ok":
        return
    yield _plugin()
    try:
        client = connect()
    except OperationError as error:
        yield Check("engine", "missing", error.message, error.hint)
        return
    with closing(client):
        info, version = client.info(), client.version()
        yield _engine(info, version)
        yield Check(
            "memory", "ok", f"{int(info.get('MemTotal') or 0) / _GIB:.1f} GiB, {info.get('NCPU')} CPUs"
        )
        yield Check("runtimes", "ok", ", ".join(sorted(info.get("Runtimes") or {})) or "the engine's own")
        yield from _cards(client, info)
        yield from _images(client)
    yield from _outside()


def _engine(info: Mapping[str, Any], version: Mapping[str, Any]) -> Check:
    address = engine_address()
    detail = f"{address.shown} ({address.origin}): {version['Version']}, API {version['ApiVersion']}"
    detail += f", {version['Os']}/{version['Arch']}"
    if tuple(map(int, str(version["ApiVersion"]).split("."))) < _OLDEST:
        return Check("engine", "missing", detail, "Docker 20.10 or later is needed")
    if info.get("OSType") != "linux":
        return Check("engine", "missing", detail, "switch it to Linux containers")
    return Check("engine", "ok", detail)


def _plugin() -> Check:
    """The vendor's plugin; the engine gets it at the first ``up`` that may reach the internet."""
    if "docker:" in os.environ.get("PULUMI_DEBUG_PROVIDERS", ""):
        return Check("plugin docker", "ok", "attached by PULUMI_DEBUG_PROVIDERS")
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    found = sorted(path.name for path in (home / "plugins").glob("resource-docker-v*") if path.is_dir())
    if found:
        return Check("plugin docker", "ok", f"{found[-1]} in {home / 'plugins'}")
    return Check("plugin docker", "hint", f"not in {home / 'plugins'}", "pulumi gets it at the first up")


def _cards(client: Any, info: Mapping[str, Any]) -> Iterator[Check]:
    """Those of this machine, by kind, and how many of them containers have."""
    from opea_pulumi.components.docker.cards import holders, present

    there = {kind: present(kind) for kind in docker_cards()} if engine_address().is_local else {}
    if not any(there.values()):
        detail = "no accelerator" if engine_address().is_local else "not known of another machine"
        yield Check("cards", "ok", detail)
        return
    found = client.api.containers()
    running = {row["Names"][0].lstrip("/"): client.api.inspect_container(row["Id"]) for row in found}
    for kind, count in there.items():
        row, held = docker_cards()[kind], [str(holder) for holder in holders(kind, running)]
        detail = f"{count} {row.word}" + (f", held by {', '.join(held)}" if held else ", all free")
        if count and row.runtime and row.runtime not in (info.get("Runtimes") or {}):
            yield Check("cards", "hint", f"{detail}; the engine has no runtime {row.runtime}", row.install)
        elif count:
            yield Check("cards", "ok", detail)


def _images(client: Any) -> Iterator[Check]:
    from opea_pulumi.images import find_image, own_images

    for image in own_images():
        found = find_image(client, image.reference)
        name = f"image {image.name}"
        if found is None:
            yield Check(name, "hint", f"no {image.reference}", f"up builds it, or: {image.build_command()}")
        else:
            yield Check(name, "ok", f"{image.reference}, {found.size / 2**20:.0f} MiB")


def _outside() -> Iterator[Check]:
    """Asked from here, all at once; the engine may go another way."""
    proxy = os.environ.get("https_proxy") or os.environ.get("HTTPS_PROXY")
    if proxy:
        yield Check("egress", "ok", "by the proxy of https_proxy, not tried")
        return
    reached: set[str] = set()
    tries = [threading.Thread(target=_try, args=(name, reached), daemon=True) for name in _OUTSIDE]
    for each in tries:
        each.start()
    for each in tries:
        each.join(_SECONDS)
    hints = {
        "registry": "opea-pulumi export-images saves images for a host without one; or set image_registry",
        "hub": "models come from hub_mirror, or from a model_cache with offline: true",
    }
    for name, (host, _) in _OUTSIDE.items():
        if name in reached:
            yield Check(name, "ok", f"{host} answers")
        else:
            yield Check(name, "hint", f"{host} cannot be reached from here", hints[name])


def _try(name: str, reached: set[str]) -> None:
    import socket

    try:
        socket.create_connection(_OUTSIDE[name], timeout=_SECONDS).close()
    except OSError:
        return
    reached.add(name)
