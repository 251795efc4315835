"""Telling a step's contract."""

import pytest

from opea_pulumi.application import service_types
from opea_pulumi.flow import Contract, Flow, InternalService, Step, contract_named, contract_of


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("llm", "llm"),
        ("Llm", "llm"),
        ("Retriever", "retrieval"),
        ("rerank", "reranking"),
        ("Tgi", None),
        ("", None),
    ],
)
def test_contract_named(name, contract):
    assert contract_named(name) == contract


@pytest.mark.parametrize(
    ("name", "url", "settings", "contract"),
    [
        ("Reranking", "http://a/x", {}, Contract.RERANKING),
        ("llm-2", "http://a/x", {}, Contract.LLM),
        ("mine", "http://a/v1/retrieval", {}, Contract.RETRIEVAL),
        ("mine", "http://a/p/v1/chat/completions?x=1", {}, Contract.LLM),
        ("mine", "http://a/x", {}, None),
        ("mine", "http://a/x", {"type.mine": "retriever"}, Contract.RETRIEVAL),
        ("llm", "http://a/v1/embeddings", {}, Contract.LLM),
        ("llm", "http://a/x", {"type.llm": "embedding"}, Contract.EMBEDDING),
        ("llm", "http://a/x", {"type.llm": "asr"}, Contract.ASR),
        ("llm", "http://a/x", {"type.llm": "chathistory"}, None),
        ("mine", "http://a/v1/asr", {}, Contract.ASR),
        ("mine", "http://a/v1/audio/transcriptions", {}, Contract.ASR),
        ("mine", "http://a/v1/audio/speech", {}, Contract.TTS),
        ("mine", "http://a/v1/lvm", {}, Contract.LVM),
        ("mine", "http://a/v1/toxicity", {}, Contract.GUARDRAILS_TOXICITY),
        ("text2sql", "http://a/x", {}, Contract.TEXT2SQL),
    ],
)
def test_contract_of(name, url, settings, contract):
    assert contract_of(Flow(nodes={}, settings=settings), Step(name=name, service_url=url)) is contract


@pytest.mark.parametrize(
    ("step", "internal", "label"),
    [
        (Step(name="a", internal_service=InternalService(), service_url="http://b"), True, "a"),
        (Step(service_url="http://me:pw@host:1/x"), False, "host:1"),
        (Step(internal_service=InternalService(), external_service="http://c"), False, "c"),
        (Step(node_name="inner"), False, "inner"),
    ],
)
def test_step(step, internal, label):
    assert (step.is_internal, step.label) == (internal, label)


OUTSIDE = {"guardrails-factuality", "guardrails-hallucination", "text2graph", "text2kg", "struct2graph"}
"""No step of a flow (docs/router.md says why)."""


def test_names_and_aliases_are_those_of_the_language():
    for name, kind in service_types().items():
        known = None if name in OUTSIDE or (kind.side and name != "dataprep") else name
        assert [contract_named(word) for word in (name, *kind.aliases)] == [known] * (1 + len(kind.aliases))


def test_no_contract_is_of_another_language():
    assert set(Contract) - {"ui"} <= set(service_types())


def test_endpoints_are_known_by_their_path():
    shared = {"multimodal-embedding", "multimodal-retrieval", "video-reranking", "agent", "text2query-cypher"}
    for name, kind in service_types().items():
        if name in OUTSIDE | shared or kind.side:
            continue
        step = Step(name="mine", service_url=f"http://a{kind.endpoint}")
        assert contract_of(Flow(nodes={}), step) == name
