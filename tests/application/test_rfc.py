"""The RFC's YAML and its Python example, as they stand, are one application."""

import runpy
from itertools import pairwise
from pathlib import Path

from opea_pulumi import load_application
from opea_pulumi.application import MegaFlow

CASES = Path(__file__).parent / "cases"


def from_python():
    service = runpy.run_path(str(CASES / "rfc_example.py"))["ChatQnAService"]()
    service.add_remote_service()
    return service.service_builder.application()


def test_yaml_and_python_are_equal():
    assert load_application(CASES / "rfc.yaml").application.canonical() == from_python().canonical()


def test_yaml():
    loaded = load_application(CASES / "rfc.yaml")
    application = loaded.application
    steps = ["embedding", "retrieval", "reranking", "llm"]
    assert loaded.name == "rfc"
    assert loaded.path == CASES / "rfc.yaml"
    assert application.name is None
    assert application.mega.port == 8080
    assert application.mega.endpoint == "/v1/chatqna"
    assert application.mega.flow == MegaFlow(tuple(steps), tuple(pairwise(steps)))
    described = [(name, item.type, item.port, item.endpoint) for name, item in application.services.items()]
    assert described == [
        ("embedding", "embedding", 6000, "/v1/embeddings"),
        ("retrieval", "retrieval", 7000, "/v1/retrieval"),
        ("reranking", "reranking", 8000, "/v1/reranking"),
        ("llm", "llm", 9000, "/v1/chat/completions"),
    ]


def test_python_keeps_the_given_names_as_aliases():
    aliases = {name: service.alias for name, service in from_python().services.items()}
    assert aliases == {"embedding": "", "retrieval": "retriever", "reranking": "rerank", "llm": ""}


def test_both_are_the_words_of_the_rfc():
    """rfc.txt holds the two lines that the RFC's page made of its examples."""
    python, yaml = (CASES / "rfc.txt").read_text().splitlines()
    ours = "".join((CASES / "rfc_example.py").read_text().split())
    assert ours == "".join(python.split()).replace("fromcomps", "fromopea_pulumi")
    assert "".join((CASES / "rfc.yaml").read_text().split()) == "".join(yaml.split())
