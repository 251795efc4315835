"""Where the weights of models come from: what cannot be, and what to do when a step that loads them fails."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from opea_pulumi.blueprint import Blueprint, LiteralValue, Volume, Workload
from opea_pulumi.errors import Location, PreflightError

_HUB = "https://huggingface.co"
_CACHE = "opea_deployment.model_cache"
_GATED = re.compile(r"gated repo|is restricted|Client Error.*gated", re.IGNORECASE)
_REFUSED = re.compile(r"40[13] Client Error|Unauthorized for url|Forbidden for url", re.IGNORECASE)
_UNKNOWN_TOKEN = re.compile(r"invalid (user ?name|credentials|token)|token is not valid", re.IGNORECASE)
_OFFLINE = re.compile(
    r"LocalEntryNotFound|outgoing traffic has been disabled|offline mode is enabled"
    r"|cannot find the requested files|HF_HUB_OFFLINE",
    re.IGNORECASE,
)


def model_errors(blueprint: Blueprint, volumes: Collection[str], *, local: bool) -> Iterator[PreflightError]:
    """What is wrong with the places of weights; ``volumes`` are the stack's on the engine, by name."""
    places = {volume.name: volume for volume in blueprint.volumes}
    if any(volume.claim for volume in places.values()):
        message = "weights cannot be in a claim: that is a word of Kubernetes"
        place, hint = Location(path=f"{_CACHE}.kind"), "kind: volume, or kind: host_path with a path"
        yield PreflightError(message, code="model-cache", location=place, hint=hint)
        return
    folders = sorted({volume.host_path for volume in places.values() if volume.host_path})
    absent = [folder for folder in folders if local and not Path(folder).is_dir()]
    for folder in absent:
        message = f"there is no folder {folder} on this machine for the models' weights"
        place = Location(path=f"{_CACHE}.path")
        yield PreflightError(message, code="no-model-folder", location=place, hint=f"mkdir -p {folder}")
    for server, volume in _without_prefetch(blueprint, places):
        if volume.host_path not in absent and not _has(server, volume, volumes, local=local):
            where = volume.host_path or f"a volume {volume.name} of this stack"
            message = f"offline: the weights of {server.model} for {server.name} are not in {where}"
            hint = (
                f"bring the hub's cache ({folder_of(server.model)}) and say model_cache: "
                "{kind: host_path, path: FOLDER}; or run up once without offline"
            )
            place = Location(path="opea_deployment.offline")
            yield PreflightError(message, code="no-models", location=place, hint=hint)


def folder_of(model: str) -> str:
    """A model's folder in the hub's cache (huggingface_hub, "Understand caching")."""
    return f"models--{model.replace('/', '--')}"


def _without_prefetch(blueprint: Blueprint, places: dict[str, Volume]) -> Iterator[tuple[Workload, Volume]]:
    """The servers that find their model in a volume which nothing fills before they start."""
    for server in blueprint.workloads:
        steps = [name for name in server.after if blueprint.workload(name).role == "prefetch"]
        held = [places[mount.volume] for mount in server.mounts if mount.volume == f"{server.name}-models"]
        if server.role == "server" and held and not steps and not server.model.startswith("/"):
            yield server, held[0]


def _has(server: Workload, volume: Volume, volumes: Collection[str], *, local: bool) -> bool:
    if volume.host_path:
        return not local or (Path(volume.host_path) / folder_of(server.model)).is_dir()
    return any(name.endswith(f"-{volume.name}") for name in volumes)


def advice(blueprint: Blueprint, workload: str, log: str) -> Iterator[str]:
    """What to do about a model that a workload did not get, as its log tells."""
    found = next((item for item in blueprint.workloads if item.name == workload), None)
    if found is None or not found.model:
        return
    endpoint = found.environment.get("HF_ENDPOINT")
    page = f"{endpoint.value if isinstance(endpoint, LiteralValue) else _HUB}/{found.model}"
    token = next((item.environment[0] for item in blueprint.secrets if item.name == "hf-token"), "HF_TOKEN")
    if _UNKNOWN_TOKEN.search(log):
        yield f"the hub does not know the token: export a valid one as {token} and repeat"
    elif _GATED.search(log):
        yield (
            f"{found.model} is gated: accept its licence at {page}, export {token} (a token of that account) "
            "and repeat"
        )
    elif _REFUSED.search(log):
        yield (
            f"the hub does not give {found.model}: is there such a model at {page}? If it is private or "
            f"gated, export {token} (a token of an account that may read it) and repeat"
        )
    elif _OFFLINE.search(log):
        yield (
            f"the weights of {found.model} are not where {workload} looks, and it may not ask the hub: "
            "run up once without offline, or bring them (model_cache: {kind: host_path, path: FOLDER})"
        )
