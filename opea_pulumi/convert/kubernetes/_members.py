"""Which workloads share a pod: each its own, but a prefetch step runs in the pod of its server.

Plain manifests are applied all at once and have no order. A model server whose weights another object
loads would start without them, fail, and be restarted into its start-up budget. So the prefetch step runs
inside the server's pod, before it: the same image, command and secret, on the same volume, and over at
once where the weights are there already. An engine that waits for one object before it makes the next can
make it a Job instead. (The price: the pod may reach the hub while it lives, as a policy is the pod's.)
"""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Security, Workload


def running(blueprint: Blueprint) -> list[Workload]:
    """The workloads with pods of their own, in the order in which they can start."""
    return [item for item in blueprint.workloads if item.role != "prefetch"]


def pod_workloads(blueprint: Blueprint, workload: Workload) -> list[Workload]:
    """The workload, and the prefetch steps that run in its pod before it."""
    steps = [item for item in blueprint.workloads if item.role == "prefetch" and item.name in workload.after]
    return [workload, *(_of(step, workload) for step in steps)]


def most_replicas(workload: Workload) -> int:
    """How many pods the workload may have."""
    return workload.autoscaling.max if workload.autoscaling else workload.replicas


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
