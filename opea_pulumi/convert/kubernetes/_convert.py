"""The manifests as text."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert._model import Conversion, Loss
from opea_pulumi.convert._yaml import dump_documents

from ._header import header
from ._objects import objects


def to_kubernetes(blueprint: Blueprint) -> Conversion:
    """One YAML text with all objects, and a comment that says what must be there first.

    Raises:
        BlueprintError: as :func:`objects`.
    """
    text = header(blueprint) + "---\n" + dump_documents(objects(blueprint))
    return Conversion(text, tuple(_losses(blueprint)))


def _losses(blueprint: Blueprint) -> list[Loss]:
    if not blueprint.settings.istio:
        return []
    what = "mesh membership, mutual TLS and authorization are not in the manifests"
    return [
        Loss(
            "opea_deployment.istio",
            what,
            "the kubernetes target makes Istio's objects; plain manifests do not",
        )
    ]
