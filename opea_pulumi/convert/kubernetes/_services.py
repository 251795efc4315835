"""Services: how workloads reach each other, by name, on the containers' own ports."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._names import Object, derived, metadata, selector
from ._pods import container_ports


def service(blueprint: Blueprint, workload: Workload) -> Object:
    """The Service of the workload's name, inside the cluster only."""
    return _service(blueprint, workload, workload.name, {"type": "ClusterIP"})


def headless_service(blueprint: Blueprint, workload: Workload) -> Object:
    """The Service that gives a StatefulSet's pods their names."""
    return _service(blueprint, workload, headless_name(workload), {"type": "ClusterIP", "clusterIP": "None"})


def headless_name(workload: Workload) -> str:
    """The name of a store's headless Service."""
    return derived(workload.name, "-headless")


def service_ports(workload: Workload) -> list[Object]:
    """The ports of the Service: the containers' own numbers."""
    return [
        {"name": port["name"], "port": port["containerPort"], "targetPort": port["name"], "protocol": "TCP"}
        for port in container_ports(workload)
    ]


def _service(blueprint: Blueprint, workload: Workload, name: str, kind: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(blueprint, name, workload),
        "spec": {**kind, "selector": selector(blueprint, workload), "ports": service_ports(workload)},
    }
