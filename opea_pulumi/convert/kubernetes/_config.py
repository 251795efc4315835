"""Namespace, ServiceAccount, ConfigMaps, and the Secrets that must be there first.

No Secret is made here: a manifest holds references only.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re

from opea_pulumi.blueprint import Blueprint, Secret, SecretFileValue, Workload
from opea_pulumi.errors import BlueprintError, Location
from opea_pulumi.flow import dump_flow

from ._index import index
from ._members import pod_workloads, running
from ._names import Object, derived, labels, metadata, namespace_of
from ._security import LEVELS, Level, level_of

FILES = "files"  # the pod's volume of files
GRAPH_PATH = "/etc/opea/graph.json"
SECRETS = "secrets"  # the pod's volume of secrets that are read as files
_SECRETS_PATH = "/run/secrets/opea"
SECRET_KEY = "value"  # noqa: S105 - a key's name
_GRAPH_ARGS = ("--graph-json", "{graph}")
_LARGEST = 1 << 20  # bytes that a ConfigMap may hold
_POD_SECURITY = "pod-security.kubernetes.io"


def namespace(blueprint: Blueprint) -> Object:
    """The namespace, with the Pod Security level that its pods meet."""
    enforced = namespace_level(blueprint)
    modes = {"enforce": enforced, "warn": "restricted", "audit": "restricted"}
    known = {f"{_POD_SECURITY}/{mode}": level for mode, level in modes.items()}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace_of(blueprint), "labels": {**labels(blueprint), **known}},
    }


def namespace_level(blueprint: Blueprint) -> Level:
    """The strictest Pod Security level that every workload meets."""
    members = (member for item in running(blueprint) for member in pod_workloads(blueprint, item))
    return max((level_of(member) for member in members), key=LEVELS.index, default="restricted")


def service_account(blueprint: Blueprint) -> Object:
    """The application's own ServiceAccount, which nothing can speak to the API server with."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(blueprint, service_account_name(blueprint)),
        "automountServiceAccountToken": False,
    }


def service_account_name(blueprint: Blueprint) -> str:
    """The name of the application's ServiceAccount."""
    return derived(blueprint.name, "")


def config_map(blueprint: Blueprint, workload: Workload) -> Object | None:
    """The workload's files and the router's graph; ``None`` when it has none.

    Raises:
        BlueprintError: they are larger than a ConfigMap may be.
    """
    content = _content(blueprint, workload)
    if not content:
        return None
    if sum(len(text.encode()) for text in content.values()) > _LARGEST:
        raise BlueprintError(
            f"the files of {workload.name} are larger than the 1 MiB that a ConfigMap holds",
            code="files-too-large",
            location=Location(path=f"opea_micro_services.{workload.name}.files"),
            hint="put them into an image of your own, or on a volume",
        )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(blueprint, files_name(workload), workload),
        "data": content,
    }


def files_name(workload: Workload) -> str:
    """The name of the workload's ConfigMap."""
    return derived(workload.name, "-files")


def file_keys(workload: Workload) -> dict[str, str]:
    """The keys in the workload's ConfigMap, by the path at which the container sees the file."""
    paths = [file.path for file in workload.files]
    paths += [GRAPH_PATH] if _has_graph(workload) else []
    keys: dict[str, str] = {}
    for path in paths:
        key = re.sub(r"[^A-Za-z0-9._-]+", "-", posixpath.basename(path)) or "file"
        if key in keys.values():
            key = f"{hashlib.sha256(path.encode()).hexdigest()[:8]}-{key}"
        keys[path] = derived(key, "", limit=253)
    return keys


def files_digest(blueprint: Blueprint, workload: Workload) -> str:
    """What changes when a file does, so that the pods are made anew; empty without files."""
    content = _content(blueprint, workload)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() if content else ""


def arguments(blueprint: Blueprint, workload: Workload) -> list[str]:
    """The container's arguments, filled in; the router reads its graph from a file."""
    args = list(workload.args)
    if _has_graph(workload):
        at = args.index(_GRAPH_ARGS[1])
        args[at - 1 : at + 1] = ["--graph", GRAPH_PATH]
    known = {"{host}": "0.0.0.0", "{port}": str(workload.port.number)}  # noqa: S104 - a container's
    if any("{graph}" in arg for arg in args):
        known["{graph}"] = _graph(blueprint)
    for field, value in known.items():
        args = [arg.replace(field, value) for arg in args]
    return args


def secret_path(name: str) -> str:
    """Where a container finds the file of a secret."""
    return f"{_SECRETS_PATH}/{name}"


def secret_files(workload: Workload) -> list[str]:
    """The secrets that the workload reads as files, sorted."""
    values = workload.environment.values()
    return sorted({value.secret for value in values if isinstance(value, SecretFileValue)})


def secret_volume(blueprint: Blueprint, workload: Workload) -> Object:
    """Those secrets as files of one folder; without them the pod waits."""
    known = index(blueprint).secrets
    sources = []
    for name in secret_files(workload):
        secret = known[name]
        items = [{"key": secret.key or SECRET_KEY, "path": name}]
        sources.append({"secret": {"name": secret.existing or derived(name, ""), "items": items}})
    return {"projected": {"sources": sources, "defaultMode": 0o440}}


def secret_mount(workload: Workload) -> list[Object]:
    """Where the container sees them."""
    if not secret_files(workload):
        return []
    return [{"name": SECRETS, "mountPath": _SECRETS_PATH, "readOnly": True}]


def secret_reference(secret: Secret, *, optional: bool) -> Object:
    """``valueFrom`` of an environment variable that holds the secret."""
    found: Object = {"name": secret.existing or derived(secret.name, ""), "key": secret.key or SECRET_KEY}
    return {"secretKeyRef": {**found, "optional": True} if optional else found}


def _content(blueprint: Blueprint, workload: Workload) -> dict[str, str]:
    keys = file_keys(workload)
    content = {keys[file.path]: file.content for file in workload.files}
    return {**content, keys[GRAPH_PATH]: _graph(blueprint) + "\n"} if _has_graph(workload) else content


def _has_graph(workload: Workload) -> bool:
    pairs = zip(workload.args, workload.args[1:], strict=False)
    return _GRAPH_ARGS in pairs


def _graph(blueprint: Blueprint) -> str:
    return dump_flow(
        blueprint.resolved_flow(lambda name: f"http://{name}:{index(blueprint).workloads[name].port.number}")
    )
