"""Before and after updates that went wrong: what is left on the engine, and what it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from opea_pulumi.docker_engine import connect, engine_address
from opea_pulumi.errors import OperationError
from opea_pulumi.images import images_needed
from opea_pulumi.targets import Deployment
from opea_pulumi.terms import PROJECT

from ._models import advice

_LINES = 8
_FULL = re.compile(r"no space left on device|ENOSPC|disk is full|disk full", re.IGNORECASE)
_ROOM = 2**30
"""Bytes; with less than this free, images and volumes are the first to suffer."""


def clear_up(deployment: Deployment, resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Remove the stack's containers that its state does not know (their names would be taken), and those that
    do not serve: the provider would start them again, and wait for the health of none.
    """
    known = {str(row["id"]) for row in resources}
    with closing(connect()) as client:
        for row in _containers(client, deployment):
            if row["Id"] not in known:
                reason = "which an update that was killed had begun"
            elif _is_down(client.api.inspect_container(row["Id"])):
                reason = "which does not serve"
            else:
                continue
            client.api.remove_container(row["Id"], force=True, v=True)
            yield f"removed container {_name(row)}, {reason}; it is made again"


def _is_down(container: Mapping[str, Any]) -> bool:
    """Whether it should serve and does not; a step that runs once should not."""
    if container["HostConfig"]["RestartPolicy"]["Name"] != "unless-stopped":
        return False
    state = container["State"]
    return not state["Running"] or (state.get("Health") or {}).get("Status", "healthy") == "unhealthy"


def explain(deployment: Deployment) -> Iterator[str]:
    """Why the stack's containers do not run; nothing when the engine does not answer."""
    try:
        client = connect()
    except OperationError as error:
        yield str(error)
        return
    with closing(client):
        for image in images_needed(client, deployment.blueprint):
            if image.missing:
                yield f"the engine has no image {image.image}: {image.get}"
        yield from _little_room(client)
        for row in _containers(client, deployment):
            state = client.api.inspect_container(row["Id"])["State"]
            health = (state.get("Health") or {}).get("Status", "")
            failed = state["Status"] in ("exited", "restarting", "dead") and state["ExitCode"] != 0
            if failed or health == "unhealthy" or (health == "starting" and state["Running"]):
                yield from _said(
                    client, row, deployment, f"exit code {state['ExitCode']}" if failed else health
                )


def _said(client: Any, row: Mapping[str, Any], deployment: Deployment, state: str) -> Iterator[str]:
    """A container's state and last lines, and what to do about a model that is not free for all."""
    text = client.api.logs(row["Id"], tail=_LINES).decode("utf-8", "replace")
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    yield f"{_name(row)}: {state}" + ("; its last lines:" if lines else "; it printed nothing")
    yield from (f"  {line[:200]}" for line in lines)
    for line in advice(deployment.blueprint, row["Labels"].get("opea.workload", ""), text):
        yield f"  {line}"
    if _FULL.search(text):
        yield f"  no space is left where it writes ({_places(client, row)})"
        yield "  docker system df shows what takes the engine's disk, docker image prune frees some; repeat"


def _places(client: Any, row: Mapping[str, Any]) -> str:
    """What a container can write to, as far as others see it, too."""
    shown = client.api.inspect_container(row["Id"])
    places = [f"volume {each.get('Name') or each['Source']}" for each in shown["Mounts"] if each["RW"]]
    places += [f"tmpfs {path}" for path in shown["HostConfig"].get("Tmpfs") or ()]
    return ", ".join(sorted(places)) or "its own root"


def _little_room(client: Any) -> Iterator[str]:
    """The engine's own disk, when it is this machine's and nearly full."""
    root = client.info().get("DockerRootDir") or ""
    if engine_address().is_local and Path(root).is_dir():
        free = shutil.disk_usage(root).free
        if free < _ROOM:
            where = f"the engine's disk ({root}) has {free / 2**20:.0f} MiB left"
            yield f"{where}: docker system df shows what takes it"


def _containers(client: Any, deployment: Deployment) -> list[Mapping[str, Any]]:
    labels = [f"opea.project={PROJECT}", f"opea.stack={deployment.stack}"]
    found: list[Mapping[str, Any]] = client.api.containers(all=True, filters={"label": labels})
    return sorted(found, key=_name)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["Names"][0]).lstrip("/") if row["Names"] else str(row["Id"])[:12]
