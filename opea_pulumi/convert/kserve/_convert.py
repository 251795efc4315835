"""The objects as text, and what KServe does not hold."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert._model import Conversion, Loss
from opea_pulumi.convert._yaml import dump_documents
from opea_pulumi.convert.kubernetes import secret_commands
from opea_pulumi.flow import Mode

from ._objects import graph_name, kserve_objects, running

_FLOW = "opea_mega_service.mega_flow"


def to_kserve(blueprint: Blueprint) -> Conversion:
    """InferenceServices and an InferenceGraph, with what they need beside them.

    Raises:
        BlueprintError: the flow is no plain sequence of services (``kserve-cannot``), or a patch fails.
    """
    made = kserve_objects(blueprint)
    lines = [
        f"{blueprint.name}: OPEA {blueprint.release} on {blueprint.hardware}, for KServe (raw deployments).",
        "Made by opea-pulumi convert --to kserve; change the application, not this file.",
        "",
        *secret_commands(blueprint),
        "",
        f"The application's address: kubectl get inferencegraph {graph_name(blueprint)}",
    ]
    header = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return Conversion(header + "---\n" + dump_documents(made), tuple(_losses(blueprint)))


def _losses(blueprint: Blueprint) -> Iterator[Loss]:
    flow, settings = blueprint.flow, blueprint.settings
    if flow.mode == Mode.ALIGNED:
        what = "bodies pass from step to step as they are"
        yield Loss(_FLOW, what, "an InferenceGraph does not convert between the services' contracts")
    for step in sorted(flow.keys):
        yield Loss(
            f"opea_micro_services.{step}", "no key of its own", "a graph's steps get the caller's headers"
        )
    if flow.defaults:
        yield Loss(_FLOW, "no defaults for user parameters", "an InferenceGraph passes requests as they are")
    for item in running(blueprint):
        if item.autoscaling:
            yield Loss(item.name, "scales by CPU", "KServe's raw deployments know no metric of the queue")
    yield Loss("network", "no NetworkPolicies", "the graph's own pod and its labels are KServe's")
    if settings.exposure.kind != "none":
        yield Loss("opea_deployment.expose", "not applied", "KServe's own ingress decides")
    if settings.exposure.tls:
        yield Loss("opea_deployment.tls", "not applied", "an InferenceGraph has a router of its own")
    if settings.monitoring:
        yield Loss("opea_deployment.monitoring", "not applied", "KServe's own annotations decide")
    if settings.istio:
        yield Loss("opea_deployment.istio", "not applied", "KServe's installation decides")
