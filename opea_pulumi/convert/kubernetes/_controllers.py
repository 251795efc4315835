"""What keeps the pods: a StatefulSet for a store, a Deployment for everything else; and their budgets."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._gates import gate_annotations, gate_exceptions
from ._members import most_replicas, pod_workloads
from ._names import Object, derived, metadata, selector
from ._pods import pod_template
from ._services import headless_name
from ._storage import access_mode, claim_templates, mounted

_PULL = 600  # seconds to get the images of some GB
_OLD_REPLICA_SETS = 3


def controller(blueprint: Blueprint, workload: Workload) -> Object:
    """The workload's StatefulSet or Deployment."""
    return stateful_set(blueprint, workload) if workload.role == "store" else deployment(blueprint, workload)


def deployment(blueprint: Blueprint, workload: Workload) -> Object:
    """A Deployment; what autoscaling decides is left out."""
    members = pod_workloads(blueprint, workload)
    spec: Object = {} if workload.autoscaling else {"replicas": workload.replicas}
    spec |= {
        "revisionHistoryLimit": _OLD_REPLICA_SETS,
        "progressDeadlineSeconds": sum(member.health.start_budget for member in members) + _PULL,
        "strategy": _strategy(blueprint, workload),
        "selector": {"matchLabels": selector(blueprint, workload)},
        "template": pod_template(blueprint, workload),
    }
    return _controller(blueprint, workload, "Deployment", spec)


def stateful_set(blueprint: Blueprint, workload: Workload) -> Object:
    """A StatefulSet whose claims stay when it is deleted."""
    spec: Object = {
        "replicas": workload.replicas,
        "revisionHistoryLimit": _OLD_REPLICA_SETS,
        "serviceName": headless_name(workload),
        "selector": {"matchLabels": selector(blueprint, workload)},
        "template": pod_template(blueprint, workload),
    }
    claimed = claim_templates(blueprint, workload)
    if claimed:
        spec["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Retain", "whenScaled": "Retain"}
        spec["volumeClaimTemplates"] = claimed
    return _controller(blueprint, workload, "StatefulSet", spec)


def disruption_budget(blueprint: Blueprint, workload: Workload) -> Object | None:
    """From two replicas on, a node's drain takes one at a time."""
    if most_replicas(workload) < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(blueprint, derived(workload.name, ""), workload),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(blueprint, workload)}},
    }


def _controller(blueprint: Blueprint, workload: Workload, kind: str, spec: Object) -> Object:
    noted = gate_annotations(gate_exceptions(pod_workloads(blueprint, workload)))
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata(blueprint, derived(workload.name, "", limit=52), workload, noted),
        "spec": spec,
    }


def _strategy(blueprint: Blueprint, workload: Workload) -> Object:
    """The old pod first where there is one card or one volume for both; else never fewer than asked for."""
    single = most_replicas(workload) == 1
    volumes = mounted(blueprint, workload)
    exclusive = any(access_mode(blueprint, volume) == "ReadWriteOnce" for volume in volumes)
    if single and (workload.resources.accelerators or exclusive):
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
