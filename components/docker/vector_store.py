"""A vector store as containers."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from opea_pulumi.application import slug
from opea_pulumi.terms import Orchestrator

from ._workload import DockerWorkload, alone, blueprint_of
from .microservice import definition


class DockerVectorStoreArgs(TypedDict):
    """Which store."""

    kind: str
    """The store: redis, qdrant, milvus, pgvector, mariadb, opengauss, elasticsearch, neo4j ..."""
    network: NotRequired[pulumi.Input[str]]
    """Name of the Docker network in which its clients are; by default one of its own."""
    release: NotRequired[str]
    """The OPEA release."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """More environment variables; docker inspect shows them, so secrets belong into secrets."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Values of its secrets by their names, such as its password."""
    port: NotRequired[int]
    """The port on 127.0.0.1 at which the host reaches it; by default none."""


class DockerVectorStore(DockerWorkload):
    """A vector store with a volume for its data, and the services that it needs itself."""

    def __init__(
        self, name: str, args: DockerVectorStoreArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._begin(name, args, opts)
        key = slug(name)
        text = definition({"retrieval": None}, {**args, "vector_store": args["kind"]})
        blueprint = blueprint_of(text, key, args, orchestrator=Orchestrator.NONE)
        wanted = [workload for workload in blueprint.workloads if workload.role == "store"]
        if not wanted:
            raise pulumi.InputPropertyError("kind", f"{args['kind']} is a service elsewhere: nothing to run")
        self._finish(alone(self, key, blueprint, wanted, args))
