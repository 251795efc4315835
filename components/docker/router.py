"""What runs a flow, as a container: our router, OPEA's image of an application, the operator's router."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from opea_pulumi.application import slug
from opea_pulumi.blueprint import Blueprint, Workload
from opea_pulumi.flow import dump_flow
from opea_pulumi.terms import Orchestrator

from ._workload import DockerWorkload, alone, blueprint_of, given_endpoint

_GRAPH = "<graph>"


class DockerRouterArgs(TypedDict):
    """Whose flow it runs, and where the flow's services are."""

    definition: str
    """The application as unified YAML; only its flow counts here."""
    endpoints: Mapping[str, pulumi.Input[str]]
    """Base URLs of the flow's services, by their names or types."""
    kind: NotRequired[str]
    """Who runs it: router (ours, default), megaservice (OPEA's image), gmc (the operator's)."""
    profile: NotRequired[str]
    """Which implementation the services are: opea (default) or embedded."""
    network: NotRequired[pulumi.Input[str]]
    """Name of the Docker network in which the services are; by default one of its own."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """More environment variables; docker inspect shows them, so secrets belong into secrets."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Values of its secrets by their names: keys of services elsewhere."""
    port: NotRequired[int]
    """The port on 127.0.0.1 at which users reach it; by default none."""


class DockerRouter(DockerWorkload):
    """What users of an application ask: it runs the flow over the application's services."""

    def __init__(self, name: str, args: DockerRouterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._begin(name, args, opts)
        key = slug(name)
        kind = Orchestrator(args.get("kind") or Orchestrator.ROUTER)
        blueprint = blueprint_of(args["definition"], key, args, orchestrator=kind)
        main = blueprint.workload(blueprint.route.workload)
        graph = {_GRAPH: _graph(blueprint, args["endpoints"])} if "{graph}" in main.args else {}
        waiting = main.model_copy(
            update={"args": tuple(_GRAPH if arg == "{graph}" else arg for arg in main.args)}
        )
        self._finish(alone(self, key, blueprint, [waiting], args, graph))


def _graph(blueprint: Blueprint, endpoints: Mapping[str, Any]) -> pulumi.Output[str]:
    urls = {name: _endpoint(blueprint.workload(name), endpoints) for name in blueprint.flow_workloads()}
    return pulumi.Output.all(**urls).apply(
        lambda known: dump_flow(blueprint.resolved_flow(lambda name: known[name].rstrip("/")))
    )


def _endpoint(workload: Workload, endpoints: Mapping[str, Any]) -> pulumi.Input[str]:
    given = given_endpoint(workload, endpoints)
    if given is None:
        raise pulumi.InputPropertyError("endpoints", f"give the base URL of {workload.name}")
    return given
