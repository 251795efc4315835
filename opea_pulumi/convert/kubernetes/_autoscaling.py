"""Replicas by load: a HorizontalPodAutoscaler on one metric of the pods."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._names import Object, derived, metadata

METRIC = "opea_pending_requests"
"""The pods' metric that the cluster's metrics adapter makes: the sum of the workload's series, a pod."""

_BEHAVIOR = {  # upstream's: a model server takes minutes to start, and loses what it holds when it stops
    "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 90}]},
    "scaleDown": {
        "stabilizationWindowSeconds": 180,
        "policies": [{"type": "Percent", "value": 25, "periodSeconds": 90}],
    },
}


def autoscaler(blueprint: Blueprint, workload: Workload) -> Object | None:
    """The autoscaler of a workload; ``None`` when its replicas are fixed."""
    scaling = workload.autoscaling
    if scaling is None:
        return None
    target = {"type": "AverageValue", "averageValue": str(scaling.target)}
    metric = {"type": "Pods", "pods": {"metric": {"name": METRIC}, "target": target}}
    name = derived(workload.name, "", limit=52)
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(blueprint, name, workload),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": [metric],
            "behavior": _BEHAVIOR,
        },
    }
