"""The whole output against a file, which OPEA_UPDATE_GOLDEN=1 writes (examples/*/expected has the others)."""

import os
from pathlib import Path

import yaml
from manifests import everything

from opea_pulumi.convert.kubernetes import to_kubernetes

GOLDEN = Path(__file__).parent / "everything.golden.yaml"


def test_golden():
    text = to_kubernetes(everything()).text
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_documents_are_in_the_order_in_which_they_are_applied():
    documents = [document for document in yaml.safe_load_all(GOLDEN.read_text()) if document]
    assert list(dict.fromkeys(document["kind"] for document in documents)) == [
        "Namespace",
        "ServiceAccount",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "ConfigMap",
        "NetworkPolicy",
        "Service",
        "StatefulSet",
        "Deployment",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "Ingress",
        "ServiceMonitor",
    ]
