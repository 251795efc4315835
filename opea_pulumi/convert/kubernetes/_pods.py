"""Pods: one container a workload, and what must have run before it as an init container."""

from __future__ import annotations

from collections.abc import Sequence

from opea_pulumi.blueprint import Blueprint, Workload
from opea_pulumi.catalog import hardware

from ._config import arguments, files_digest, service_account_name
from ._environment import AddressOf, environment, literal, service_address
from ._members import most_replicas, pod_workloads
from ._names import LABEL, Object, derived, labels, selector
from ._probes import probes_of
from ._resources import resources_of
from ._security import container_security, pod_security
from ._storage import container_mounts, pod_volumes

_GRACE = {"server": 120, "store": 120}  # seconds to end answers that are being generated, to write to disk
_USUAL_GRACE = 30
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_template(blueprint: Blueprint, workload: Workload) -> Object:
    """The pod template of the workload's Deployment or StatefulSet."""
    described: Object = {"labels": labels(blueprint, workload)}
    digest = files_digest(blueprint, workload)
    if digest:
        described["annotations"] = {f"{LABEL}files": digest}
    return {"metadata": described, "spec": pod_spec(blueprint, workload, service_address(blueprint))}


def pod_spec(blueprint: Blueprint, workload: Workload, address_of: AddressOf) -> Object:
    """The pod's specification; ``address_of`` says where the other workloads are reached."""
    members = pod_workloads(blueprint, workload)
    containers = [container(blueprint, member, address_of) for member in members]
    spec: Object = {
        "serviceAccountName": service_account_name(blueprint),
        "automountServiceAccountToken": False,
        # a Service called redis would set REDIS_PORT=tcp://... in every pod
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE.get(workload.role, _USUAL_GRACE),
        "securityContext": pod_security(members),
        **_placement(blueprint, workload),
        "initContainers": containers[1:],
        "containers": containers[:1],
        "volumes": pod_volumes(blueprint, members),
    }
    pull = blueprint.settings.image_pull_secret
    if pull:
        spec["imagePullSecrets"] = [{"name": pull}]
    return {key: value for key, value in spec.items() if value not in ([], {})}


def container(blueprint: Blueprint, workload: Workload, address_of: AddressOf) -> Object:
    """The workload's container; one that runs to its end has neither ports nor probes."""
    made: Object = {
        "name": derived(workload.name, ""),
        "image": workload.image,
        "imagePullPolicy": "Always",
        "command": _texts(workload.command),
        "args": _texts(arguments(blueprint, workload)),
        "env": environment(blueprint, workload, address_of),
        "resources": resources_of(workload),
        "securityContext": container_security(workload),
        "volumeMounts": container_mounts(workload),
    }
    if workload.role != "prefetch":
        made["ports"] = container_ports(workload)
        made |= probes_of(workload)
    return {key: value for key, value in made.items() if value not in ([], {})}


def container_ports(workload: Workload) -> list[Object]:
    """The ports on which the workload listens; the first is its own."""
    names = {workload.port.number: port_name(workload)}
    names |= {port: f"port-{port}" for port in workload.other_ports if port not in names}
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for port, name in names.items()]


def port_name(workload: Workload) -> str:
    """What the workload's own port is called: ``http`` or ``https`` where that is what it speaks."""
    if not workload.health.path or workload.health.port not in {None, workload.port.number}:
        return "tcp"
    return "https" if workload.health.tls else "http"


def _texts(words: Sequence[str]) -> list[str]:
    return [literal(word) for word in words]


def _placement(blueprint: Blueprint, workload: Workload) -> Object:
    """On which nodes: those with the accelerator, and each replica on another one where that can be."""
    placed: Object = {}
    affinity: Object = {}
    accelerator = workload.resources.accelerator
    if accelerator and workload.resources.accelerators:
        placed["tolerations"] = [{"key": accelerator, "operator": "Exists", "effect": "NoSchedule"}]
    preferred = hardware()[workload.hardware].node_selector if workload.hardware else {}
    if preferred:
        terms = [
            {"key": key, "operator": "In", "values": [value]} for key, value in sorted(preferred.items())
        ]
        affinity["nodeAffinity"] = {_PREFERRED: [{"weight": 50, "preference": {"matchExpressions": terms}}]}
    if most_replicas(workload) > 1:
        chosen = {"matchLabels": selector(blueprint, workload)}
        term = {"labelSelector": chosen, "topologyKey": "kubernetes.io/hostname"}
        affinity["podAntiAffinity"] = {_PREFERRED: [{"weight": 100, "podAffinityTerm": term}]}
        spread = {"maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": chosen}
        placed["topologySpreadConstraints"] = [{**spread, "topologyKey": "topology.kubernetes.io/zone"}]
    return {**placed, "affinity": affinity}
