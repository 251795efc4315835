"""An OPEA microservice as a container."""

import json
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from opea_pulumi.application import canonical_name, service_types, slug
from opea_pulumi.blueprint import Workload
from opea_pulumi.terms import Orchestrator

from ._workload import DockerWorkload, alone, blueprint_of, present


class DockerMicroserviceArgs(TypedDict):
    """Which microservice, and whom it calls."""

    type: str
    """What it does: embedding, retrieval, reranking, llm, dataprep, asr, tts, lvm, guardrails ..."""
    network: NotRequired[pulumi.Input[str]]
    """Name of the Docker network in which it and what it calls are; by default one of its own."""
    endpoints: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Base URLs of what it calls, by the name or type of that workload, such as tei-embedding."""
    model: NotRequired[str]
    """The model by its name on the hub; the catalogue's by default."""
    vector_store: NotRequired[str]
    """The kind of store that it uses: redis, qdrant, milvus ..."""
    hardware: NotRequired[str]
    """What its model server runs on: xeon, gaudi, nvidia or rocm."""
    image: NotRequired[str]
    """Another image than the catalogue's."""
    release: NotRequired[str]
    """The OPEA release."""
    profile: NotRequired[str]
    """Which implementation: opea (default) or embedded."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """More environment variables; docker inspect shows them, so secrets belong into secrets."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Values of its secrets by their names, such as hf-token; they reach it as files."""
    port: NotRequired[int]
    """The port on 127.0.0.1 at which the host reaches it; by default none."""


class DockerMicroservice(DockerWorkload):
    """One OPEA microservice, with the image, environment, health check and limits of the catalogue."""

    def __init__(
        self, name: str, args: DockerMicroserviceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._begin(name, args, opts)
        key = slug(name)
        service = present(args, ["type", "model", "image"])
        text = definition({**_companion(args["type"]), key: service}, args)
        blueprint = blueprint_of(text, key, args, orchestrator=Orchestrator.NONE)
        wanted = [item for item in blueprint.workloads if _is_it(item, key, args["type"])]
        self._finish(alone(self, key, blueprint, wanted[:1], args))


def _companion(kind: str) -> dict[str, Any]:
    """A service that stands beside flows needs a flow to stand beside."""
    known = service_types()
    if kind not in known or not known[kind].side:
        return {}
    partner = kind.replace("dataprep", "retrieval")
    return {"flow": {"type": partner if partner != kind and partner in known else "retrieval"}}


def _is_it(workload: Workload, key: str, kind: str) -> bool:
    # a name such as `embed` is another word for a type, and the blueprint says the type
    return workload.role == "microservice" and (workload.name == key or workload.type == canonical_name(kind))


def definition(services: Mapping[str, Any], args: Mapping[str, Any]) -> str:
    """An application of these services, whose flow is the first, as unified YAML."""
    deployment = present(args, ["vector_store", "hardware"])
    document: dict[str, Any] = {
        "opea_micro_services": services,
        "opea_mega_service": {"mega_flow": [next(iter(services))]},
    }
    if deployment:
        document["opea_deployment"] = deployment
    if args.get("release"):
        document["opea_release"] = args["release"]
    return json.dumps(document)
