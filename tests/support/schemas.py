"""Kubernetes' own schemas, of two versions; kubernetes-validate reads them for every document, this once."""

from functools import cache
from typing import Any

import kubernetes_validate
from kubernetes_validate import utils

utils.schema_contents = cache(utils.schema_contents)

VERSIONS = ("1.31", "1.35")
NO_SCHEMA = {"Gateway", "HTTPRoute", "InferenceGraph", "InferenceService", "ServiceMonitor"}  # of operators


def mistakes(document: dict[str, Any], version: str) -> list[str]:
    """What the schema of a version of Kubernetes finds wrong with a document."""
    if document["kind"] in NO_SCHEMA:
        return []
    try:
        kubernetes_validate.validate(document, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [error.message]
    return []
