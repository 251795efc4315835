"""What is asked of a blueprint again and again, found once: conversion stays linear in its size."""

from __future__ import annotations

from dataclasses import dataclass

from opea_pulumi.blueprint import Blueprint, Secret, Security, Volume, Workload


@dataclass(frozen=True)
class Index:
    """A blueprint's parts by name; ``members`` are the workloads of a pod, by the name of its main one.

    ``callers`` are the workloads with pods that call a workload; ``users`` those whose pods mount a volume.
    """

    workloads: dict[str, Workload]
    volumes: dict[str, Volume]
    secrets: dict[str, Secret]
    members: dict[str, list[Workload]]
    callers: dict[str, list[Workload]]
    users: dict[str, list[Workload]]


_last: tuple[Blueprint, Index] | None = None


def index(blueprint: Blueprint) -> Index:
    """The index of a blueprint; that of the last one asked for is kept (blueprints never change)."""
    global _last
    kept = _last
    if kept is None or kept[0] is not blueprint:
        kept = _last = (blueprint, _build(blueprint))
    return kept[1]


def running(blueprint: Blueprint) -> list[Workload]:
    """The workloads with pods of their own, in the order in which they can start."""
    return [item for item in blueprint.workloads if item.role != "prefetch"]


def _build(blueprint: Blueprint) -> Index:
    steps = {item.name: item for item in blueprint.workloads if item.role == "prefetch"}
    members: dict[str, list[Workload]] = {}
    callers: dict[str, list[Workload]] = {}
    users: dict[str, list[Workload]] = {}
    for item in running(blueprint):
        pod = [item, *(_of(steps[name], item) for name in item.after if name in steps)]
        members[item.name] = pod
        for name in dict.fromkeys(name for member in pod for name in member.downstreams):
            callers.setdefault(name, []).append(item)
        for name in dict.fromkeys(mount.volume for member in pod for mount in member.mounts):
            users.setdefault(name, []).append(item)
    return Index(
        workloads={item.name: item for item in blueprint.workloads},
        volumes={item.name: item for item in blueprint.volumes},
        secrets={item.name: item for item in blueprint.secrets},
        members=members,
        callers=callers,
        users=users,
    )


def _of(step: Workload, server: Workload) -> Workload:
    """The step as the server's user, who may write the volume (``fsGroup``): nobody is root for it."""
    own, root = step.security, server.security.exceptions.get("root")
    exceptions = {name: reason for name, reason in own.exceptions.items() if name != "root"}
    if root or server.security.user == 0:
        exceptions["root"] = root or "as its server"
    as_server = Security(
        user=server.security.user,
        group=server.security.group,
        writable=own.writable,
        exceptions=exceptions,
        evidence=own.evidence,
    )
    return step.model_copy(update={"security": as_server})
