"""``opea_deployment`` of a compose file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opea_pulumi.terms import Hardware, Profile

from ._specs import registry_of
from ._variables import Text

if TYPE_CHECKING:
    from ._infer import Inference


def deployment_of(found: Inference) -> dict[str, Any]:
    """The deployment, as far as the containers show it."""
    deployment: dict[str, Any] = {}
    if found.release.profile is not Profile.OPEA:
        deployment["profile"] = found.release.profile.value
    if found.hardware != Hardware.XEON.value:
        deployment["hardware"] = found.hardware
    stores = [use.name for name in found.uses if (use := found.use_of(name, "store"))]
    vector = [kind for kind in stores if {"retrieval", "dataprep"} & set(found.release.stores[kind].clients)]
    vector = vector or _stores_elsewhere(found)
    if vector and vector[0] != found.release.default_store:
        deployment["vector_store"] = vector[0]
    if found.of_role("ui") or found.of_role("gateway"):
        deployment["ui"] = True
    prefixes = {
        registry_of(uses[0], found.project.services[name]) for name, uses in found.uses.items() if uses
    }
    if len(prefixes) == 1 and prefixes != {""}:
        deployment["image_registry"] = prefixes.pop()
    return deployment


def _stores_elsewhere(inference: Inference) -> list[str]:
    """Stores that nobody deploys, by the words in their clients' environment."""
    found = []
    for kind, store in inference.release.stores.items():
        clients = [name for name, key in inference.keys.items() if inference.type_of(key) in store.clients]
        words = [
            inference.project.services[name].environment.get(variable, Text()).value == value
            for name in clients
            for variable, value in store.clients[inference.type_of(inference.keys[name])].items()
            if isinstance(value, str) and "{" not in value
        ]
        found += [kind] if store.server is None and words and all(words) else []
    return found
