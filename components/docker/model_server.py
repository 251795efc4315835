"""A model server as a container: TGI, TEI, vLLM, Ollama and the others of the catalogue."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from opea_pulumi.application import canonical_name, slug
from opea_pulumi.catalog import DEFAULT_RELEASE, load_release, served_type
from opea_pulumi.terms import Orchestrator, Profile

from ._workload import DockerWorkload, alone, blueprint_of, present
from .microservice import definition


class DockerModelServerArgs(TypedDict):
    """Which server, and what it serves on what."""

    kind: str
    """The server: tgi, tei, vllm, ollama, whisper, speecht5 ..."""
    type: NotRequired[str]
    """The type of microservice that it serves; by default the usual one: llm for vllm, asr for whisper ..."""
    model: NotRequired[str]
    """The model by its name on the hub; the catalogue's by default."""
    hardware: NotRequired[str]
    """What it runs on: xeon (default), gaudi, nvidia or rocm."""
    accelerators: NotRequired[int]
    """How many cards; as many as the model needs by default."""
    network: NotRequired[pulumi.Input[str]]
    """Name of the Docker network in which its clients are; by default one of its own."""
    release: NotRequired[str]
    """The OPEA release."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """More environment variables; docker inspect shows them, so secrets belong into secrets."""
    secrets: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Values of its secrets by their names: hf-token for gated models. Only the step that loads has it."""
    port: NotRequired[int]
    """The port on 127.0.0.1 at which the host reaches it; by default none."""


class DockerModelServer(DockerWorkload):
    """A model server with a volume for its weights, and the step that loads them before it starts."""

    def __init__(
        self, name: str, args: DockerModelServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        self._begin(name, args, opts)
        key = slug(name)
        kind, serves = _served(args)
        server: dict[str, Any] = {"kind": kind}
        if args.get("accelerators"):
            server["resources"] = {"accelerators": int(args["accelerators"])}
        service = {"type": serves, "server": server, **present(args, ["model"])}
        text = definition({serves: service}, args)
        blueprint = blueprint_of(text, key, args, orchestrator=Orchestrator.NONE)
        wanted = [workload for workload in blueprint.workloads if workload.role in ("prefetch", "server")]
        self._finish(alone(self, key, blueprint, wanted, args))


def _served(args: DockerModelServerArgs) -> tuple[str, str]:
    """The catalogue's name of the server, and the type of microservice that it is behind.

    It has some servers more than once (``tei-embedding``, ``tei-reranking``), as what they serve changes
    how they start; users say ``tei`` and the type.
    """
    release = load_release(args.get("release") or DEFAULT_RELEASE[Profile.OPEA])
    kind, asked = args["kind"], canonical_name(args.get("type") or "")
    alike = [name for name in release.servers if name.startswith(f"{kind}-")]
    named = [kind] if kind in release.servers or not alike else alike
    usable = release.services[asked].servers if asked in release.services else named
    chosen = next((name for name in named if name in usable), named[0])
    return chosen, asked or served_type(release, chosen) or "llm"
