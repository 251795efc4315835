"""InferenceServices for what computes, the InferenceGraph, and plain objects for the rest.

The rest (stores, user interface, claims, configuration) is as on plain Kubernetes. So are the Services:
KServe puts an InferenceService's labels on its pods, so that every workload is reached by its name, on its
container's port, whether KServe's own Services are headless or not.
"""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint, Workload
from opea_pulumi.convert._patch import Part, apply_patches
from opea_pulumi.convert.kubernetes import (
    Object,
    check_names,
    claims,
    config_map,
    controller,
    headless_service,
    namespace,
    service,
    service_account,
)
from opea_pulumi.convert.kubernetes import running as all_running

from ._flow import inference_steps

TARGET = "kserve"
_MODE = {"serving.kserve.io/deploymentMode": "RawDeployment"}
_CONTAINER = "kserve-container"
_GRAPH_LABEL = "serving.kserve.io/inferencegraph"
_GRAPH_PORT = 8080
_ENFORCE = "pod-security.kubernetes.io/enforce"


def kserve_objects(blueprint: Blueprint) -> list[Object]:
    """The objects as plain data, patched.

    Raises:
        BlueprintError: the flow is no plain sequence (``kserve-cannot``), a name is none that
            Kubernetes takes, a patch fails.
    """
    check_names(blueprint)
    parts = [Part(item, kind=item["kind"], workload=workload) for workload, item in _all(blueprint)]
    return apply_patches(parts, [patch for patch in blueprint.patches if patch.target == TARGET])


def graph_name(blueprint: Blueprint) -> str:
    """The InferenceGraph's name."""
    return f"{blueprint.name[:50].rstrip('-')}-graph"


def running(blueprint: Blueprint) -> list[Workload]:
    """What runs beside the graph, which stands for what runs the flow otherwise."""
    return [item for item in all_running(blueprint) if item.role != "router"]


def is_served(workload: Workload) -> bool:
    """Whether the workload becomes an InferenceService."""
    return workload.role in {"microservice", "server"}


def _all(blueprint: Blueprint) -> Iterator[tuple[str, Object]]:
    steps = inference_steps(blueprint)
    workloads = running(blueprint)
    place = namespace(blueprint)
    del place["metadata"]["labels"][_ENFORCE]  # the graph's own pod is KServe's to secure
    yield "", place
    yield "", service_account(blueprint)
    yield from (("", claim) for claim in claims(blueprint))
    for item in workloads:
        files = config_map(blueprint, item)
        if files:
            yield item.name, files
        yield item.name, service(blueprint, item)
        if item.role == "store":
            yield item.name, headless_service(blueprint, item)
        yield (
            item.name,
            _inference_service(blueprint, item) if is_served(item) else controller(blueprint, item),
        )
    yield "", _inference_graph(blueprint, steps)
    yield from (("", made) for made in _graph_service(blueprint))


def _inference_service(blueprint: Blueprint, workload: Workload) -> Object:
    """KServe's object around the very pod that the Deployment would have."""
    kept = controller(blueprint, workload)
    pod = kept["spec"]["template"]
    container = {**pod["spec"]["containers"][0], "name": _CONTAINER}
    scaling = workload.autoscaling
    predictor: Object = {
        "minReplicas": scaling.min if scaling else workload.replicas,
        "maxReplicas": scaling.max if scaling else workload.replicas,
        "labels": pod["metadata"]["labels"],
        **({"annotations": pod["metadata"]["annotations"]} if "annotations" in pod["metadata"] else {}),
        "deploymentStrategy": kept["spec"]["strategy"],
        **pod["spec"],
        "containers": [container],
    }
    described = kept["metadata"]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**described, "annotations": {**_MODE, **described.get("annotations", {})}},
        "spec": {"predictor": predictor},
    }


def _inference_graph(blueprint: Blueprint, steps: list[Object]) -> Object:
    described = service_account(blueprint)["metadata"]
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "InferenceGraph",
        "metadata": {**described, "name": graph_name(blueprint), "annotations": dict(_MODE)},
        "spec": {"nodes": {"root": {"routerType": "Sequence", "steps": steps}}},
    }


def _graph_service(blueprint: Blueprint) -> Iterator[Object]:
    """The graph by the name of what runs the flow otherwise, for those who call that."""
    routes = [item for item in blueprint.workloads if item.role == "router"]
    called = {name for item in running(blueprint) for name in item.downstreams}
    for item in routes:
        if item.name in called:
            made = service(blueprint, item)
            port = {"name": "http", "port": item.port.number, "targetPort": _GRAPH_PORT, "protocol": "TCP"}
            made["spec"] |= {"selector": {_GRAPH_LABEL: graph_name(blueprint)}, "ports": [port]}
            yield made
