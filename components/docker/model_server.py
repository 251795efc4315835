"""A model server as a container: TGI, TEI, vLLM, Ollama and the others of the catalogue."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi

from opea_pulumi.application import slug
from opea_pulumi.terms import Orchestrator

from ._workload import DockerWorkload, alone, blueprint_of, present
from .microservice import definition


class DockerModelServerArgs(TypedDict):
    """Which server, and what it serves on what."""

    kind: str
    """The server: tgi, tei, vllm, ollama, whisper, speecht5 ..."""
    type: NotRequired[str]
    """The type of microservice that it serves; embedding for tei, asr for whisper, llm for most others."""
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
        serves = args.get("type") or _serves(args["kind"])
        # the catalogue has TEI twice: its start and its limits differ by what it serves
        kind = f"tei-{serves}" if args["kind"] == "tei" else args["kind"]
        server: dict[str, Any] = {"kind": kind}
        if args.get("accelerators"):
            server["resources"] = {"accelerators": int(args["accelerators"])}
        service = {"type": serves, "server": server, **present(args, ["model"])}
        text = definition({serves: service}, args)
        blueprint = blueprint_of(text, key, args, orchestrator=Orchestrator.NONE)
        wanted = [workload for workload in blueprint.workloads if workload.role in ("prefetch", "server")]
        self._finish(alone(self, key, blueprint, wanted, args))


def _serves(kind: str) -> str:
    """The type of microservice that a kind of server is usually behind."""
    return {"tei": "embedding", "whisper": "asr", "speecht5": "tts", "gpt-sovits": "tts"}.get(kind, "llm")
