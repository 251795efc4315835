"""From a blueprint to the custom resource."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opea_pulumi.blueprint import Blueprint, Patch
from opea_pulumi.convert._model import Conversion
from opea_pulumi.convert._patch import Part, apply_patches
from opea_pulumi.convert._yaml import dump_documents
from opea_pulumi.errors import OpeaError

from ._config import Writer, token_secret
from ._facts import Dialect, facts
from ._losses import losses_of
from ._nodes import Nodes
from ._places import Place, path_of, places_of, refusal
from ._source import read_connector

TARGET = "gmc"
"""What patches call this format."""

_URL_ROOM = 200
"""What the operator adds to a step of the graph: its address, with a namespace of any length."""

_KEYS_OF = "opea.dev/keys"


def to_gmc(blueprint: Blueprint, dialect: Dialect = "v1.1") -> Conversion:
    """A GMConnector for GMC's operator, then the Namespace and the Secret (without values) that it needs.

    ``v1.1`` are the words that the released operator understands; ``rfc`` those of the RFC's sample.

    Raises:
        BlueprintError: ``gmc-cannot``, when the released operator cannot deploy or run it.
    """
    places = places_of(blueprint, dialect)
    writer = Writer(blueprint, places, dialect)
    spec = {
        "routerConfig": {"name": facts().router.name, "serviceName": facts().router.service},
        "nodes": Nodes(blueprint, writer).build(),
    }
    connector: dict[str, Any] = {
        "apiVersion": facts().api_version,
        "kind": facts().kind,
        "metadata": _metadata(blueprint, blueprint.name, {"app.kubernetes.io/name": "gmconnector"}),
        "spec": spec,
    }
    made = [connector, *_namespace(blueprint), *_secret(blueprint, spec)]
    patches = [patch for patch in blueprint.patches if patch.target == TARGET]
    documents = apply_patches([Part(document, kind=document["kind"]) for document in made], patches)
    text = dump_documents(documents)
    if patches:
        _check_patched(text, patches)
    _check_graph(blueprint, places, documents[0]["spec"])
    return Conversion(text, losses_of(blueprint, places, dialect))


def _metadata(blueprint: Blueprint, name: str, labels: dict[str, str]) -> dict[str, Any]:
    namespace = blueprint.settings.namespace
    return {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "labels": {**labels, **blueprint.settings.labels},
    }


def _namespace(blueprint: Blueprint) -> list[dict[str, Any]]:
    name, labels = blueprint.settings.namespace, dict(blueprint.settings.labels)
    if name in ("", "default"):
        return []
    if blueprint.settings.istio:
        labels["istio-injection"] = "enabled"
    metadata: dict[str, Any] = {"name": name, **({"labels": labels} if labels else {})}
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}]


def _secret(blueprint: Blueprint, spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Without data, so that applying it leaves alone what is in the Secret already."""
    name = token_secret(blueprint)
    used = any(
        "gmcTokenSecret" in ((step.get("internalService") or {}).get("config") or {})
        for node in spec["nodes"].values()
        for step in node["steps"]
    )
    if not used or name != facts().token_secret:
        return []
    metadata = _metadata(blueprint, name, {})
    metadata = {key: value for key, value in metadata.items() if value}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "annotations": {_KEYS_OF: "HF_TOKEN"}},
            "type": "Opaque",
        }
    ]


def _check_patched(text: str, patches: Sequence[Patch]) -> None:
    try:
        read_connector(text, "")
    except OpeaError as error:
        where = error.location.path if error.location else ""
        message = f"the patches make a GMConnector that the operator refuses: {where}: {error.message}"
        raise refusal(message, patches[-1].path, error.hint) from None


def _check_graph(blueprint: Blueprint, places: Mapping[str, Place], spec: dict[str, Any]) -> None:
    """The operator hands the whole spec to its router in one argument, between single quotes in YAML."""
    text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    for bad, why in (("'", "a single quote"), ("---", "three dashes")):
        if bad in text:
            message = f"{why} in the graph breaks the manifest that the operator makes of it"
            raise refusal(message, _where(blueprint, places, spec, bad), "write the value without it")
    # Go writes these as six characters, and the operator adds every step's address
    size = len(text.encode()) + 5 * sum(text.count(mark) for mark in "<>&\u2028\u2029")
    size += _URL_ROOM * (1 + sum(len(node["steps"]) for node in spec["nodes"].values()))
    if size >= facts().graph_limit:
        message = f"the graph has about {size} bytes; the router's argument holds {facts().graph_limit}"
        raise refusal(message, "opea_micro_services", "take environment variables out, or services")


def _where(blueprint: Blueprint, places: Mapping[str, Place], spec: dict[str, Any], bad: str) -> str:
    services = {place.service: path_of(blueprint, place.workload) for place in places.values()}
    for name, node in spec["nodes"].items():
        for step in node["steps"]:
            if bad in json.dumps(step, ensure_ascii=False):
                service = (step.get("internalService") or {}).get("serviceName", "")
                return services.get(service, f"opea_mega_service.nodes.{name}")
    return "opea_mega_service.nodes"
