"""Telling a step's contract."""

import pytest

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
        ("llm", "http://a/x", {"type.llm": "asr"}, None),
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
