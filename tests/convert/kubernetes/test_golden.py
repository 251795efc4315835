"""Whole outputs against files (OPEA_UPDATE_GOLDEN=1 writes them)."""

import os
from pathlib import Path

import pytest
import yaml
from manifests import everything, example

from opea_pulumi.convert.kubernetes import to_kubernetes

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    "everything": everything,
    "chatqna-xeon": lambda: example("chatqna", "xeon"),
    "chatqna-gaudi": lambda: example("chatqna", "gaudi"),
    "custom-flow-xeon": lambda: example("custom-flow", "xeon"),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name):
    text = to_kubernetes(CASES[name]()).text
    file = GOLDEN / f"{name}.yaml"
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        file.write_text(text)
    assert text == file.read_text()


def test_there_is_no_golden_file_without_a_case():
    assert {file.stem for file in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_documents_are_in_the_order_in_which_they_are_applied(name):
    documents = list(yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text()))
    kinds = list(dict.fromkeys(document["kind"] for document in documents if document))
    assert kinds[:2] == ["Namespace", "ServiceAccount"]
    assert kinds.index("NetworkPolicy") < kinds.index("Service") < kinds.index("Deployment")
