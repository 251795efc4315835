"""Names and labels that every object shares."""

from __future__ import annotations

import hashlib
from typing import Any

from opea_pulumi.blueprint import Blueprint, Workload

MANAGER = "opea-pulumi"
LABEL = "opea-pulumi/"  # the prefix of labels and annotations of our own
INGRESS_LABEL = f"{LABEL}ingress"  # on namespaces of ingress controllers that may reach the application
SCRAPE_LABEL = f"{LABEL}monitoring"  # on namespaces whose pods may read metrics
_OWN = frozenset(
    f"app.kubernetes.io/{word}"
    for word in ("name", "instance", "component", "version", "part-of", "managed-by")
)

Object = dict[str, Any]
"""One Kubernetes object, or a part of one, as plain data."""


def namespace_of(blueprint: Blueprint) -> str:
    """The namespace of everything that is made."""
    return blueprint.settings.namespace or derived(blueprint.name, "")


def derived(name: str, suffix: str, limit: int = 63) -> str:
    """``name`` and ``suffix`` in one name of at most ``limit`` characters; what is cut leaves a hash."""
    whole = name + suffix
    if len(whole) <= limit:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:6]
    return f"{name[: limit - len(suffix) - 7].rstrip('-')}-{mark}{suffix}"


def selector(blueprint: Blueprint, workload: Workload) -> dict[str, str]:
    """The labels by which Services, policies and the like find the pods of a workload."""
    return {
        "app.kubernetes.io/name": derived(workload.name, ""),
        "app.kubernetes.io/instance": derived(blueprint.name, ""),
    }


def labels(blueprint: Blueprint, workload: Workload | None = None) -> dict[str, str]:
    """The labels of an object: the user's own, and those that Kubernetes recommends."""
    own = {
        "app.kubernetes.io/instance": derived(blueprint.name, ""),
        "app.kubernetes.io/version": blueprint.release,
        "app.kubernetes.io/part-of": derived(blueprint.application or blueprint.name, ""),
        "app.kubernetes.io/managed-by": MANAGER,
    }
    if workload:
        named = {"app.kubernetes.io/component": workload.role}
        own = {**selector(blueprint, workload), **named, **own}
    users = {key: text for key, text in sorted(blueprint.settings.labels.items()) if key not in _OWN}
    return {**users, **own}


def metadata(
    blueprint: Blueprint,
    name: str,
    workload: Workload | None = None,
    annotations: dict[str, str] | None = None,
) -> Object:
    """The metadata of a namespaced object."""
    known: Object = {
        "name": name,
        "namespace": namespace_of(blueprint),
        "labels": labels(blueprint, workload),
    }
    return {**known, "annotations": annotations} if annotations else known
