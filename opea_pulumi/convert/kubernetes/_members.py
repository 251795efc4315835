"""Which workloads share a pod: each its own, but a prefetch step runs in the pod of its server.

Plain manifests are applied all at once and have no order. A model server whose weights another object
loads would start without them, fail, and be restarted into its start-up budget. So the prefetch step runs
inside the server's pod, before it: the same image, command and secret, on the same volume, and over at
once where the weights are there already. An engine that waits for one object before it makes the next can
make it a Job instead. (The price: the pod may reach the hub while it lives, as a policy is the pod's.)
"""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._index import index, running

__all__ = ["most_replicas", "pod_workloads", "running"]


def pod_workloads(blueprint: Blueprint, workload: Workload) -> list[Workload]:
    """The workload, and the prefetch steps that run in its pod before it."""
    return index(blueprint).members[workload.name]


def most_replicas(workload: Workload) -> int:
    """How many pods the workload may have."""
    return workload.autoscaling.max if workload.autoscaling else workload.replicas
