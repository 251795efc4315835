"""What the router refuses to load."""

import pytest

from opea_pulumi.errors import FlowError
from opea_pulumi.flow import Mode, load_flow
from opea_pulumi.router import make_plan

URL = "http://127.0.0.1:9/v1/chat/completions"
LLM = {"name": "llm", "serviceUrl": URL}
SERVER = {"name": "Tgi", "internalService": {"isDownstreamService": True}}


def plan(*steps, mode="aligned", kind="Sequence", environment=None, nodes=None, **settings):
    nodes = {"root": {"routerType": kind, "steps": list(steps)}, **(nodes or {})}
    spec = {"nodes": nodes, "routerConfig": {"config": settings}}
    return make_plan(load_flow({"spec": spec}), Mode(mode), environment or {})


@pytest.mark.parametrize(
    ("code", "steps", "options"),
    [
        ("bad-condition", [{**LLM, "condition": "a==b"}], {}),
        ("bad-condition", [SERVER, {**LLM, "condition": "a==b"}], {"mode": "pass-through"}),
        ("bad-condition", [LLM, {**LLM, "condition": "a.@this"}], {}),
        ("bad-condition", [{**LLM, "condition": "a=="}], {"kind": "Switch"}),
        ("no-steps", [SERVER], {"kind": "Ensemble"}),
        ("no-steps", [LLM], {"nodes": {"other": {"routerType": "Switch", "steps": [SERVER]}}}),
        ("no-steps", [], {}),
        ("no-steps", [SERVER], {"mode": "pass-through"}),
        ("unknown-type", [{"name": "x", "serviceUrl": "http://a/b"}], {}),
        ("unknown-contract", [LLM], {"type.llm": "oracle"}),
        ("not-in-flow", [{"name": "dataprep", "serviceUrl": "http://a/b"}], {}),
        ("bad-url", [{**LLM, "serviceUrl": "ftp://a/b"}], {}),
        ("bad-url", [{**LLM, "serviceUrl": "a:80/b"}], {}),
        ("bad-url", [{**LLM, "serviceUrl": "http://a:99999/"}], {"mode": "pass-through"}),
        ("bad-url", [{**LLM, "serviceUrl": "http://[/"}], {"mode": "pass-through"}),
        ("bad-endpoint", [LLM], {"endpoint": "v1/chatqna"}),
        ("bad-endpoint", [LLM], {"endpoint": "/v1/{x}"}),
        ("unknown-default", [LLM], {"default.topn": "3"}),
        ("bad-key", [LLM], {"key.llm": "LLM_KEY", "environment": {"LLM_KEY": "canary\nb"}}),
        ("bad-key", [LLM], {"key.llm": "sk-canary"}),
    ],
)
def test_refused(code, steps, options):
    with pytest.raises(FlowError) as caught:
        plan(*steps, **options)
    assert caught.value.code == code
    assert "canary" not in str(caught.value)


def test_pass_through_needs_no_types():
    assert (
        plan({"name": "x", "serviceUrl": "http://a/b"}, mode="pass-through", **{"type.x": "asr"}).keys == {}
    )


def test_keys_come_from_the_environment():
    made = plan(LLM, environment={"LLM_KEY": " secret\n"}, **{"key.llm": "LLM_KEY"})
    assert made.keys == {"llm": "secret"}
    assert plan(LLM, **{"key.llm": "LLM_KEY"}).keys == {"llm": ""}


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [("/v1/chatqna", "chatqna"), ("/v1/chatqna/", "chatqna"), ("", "opea"), ("/", "opea")],
)
def test_name(endpoint, name):
    assert plan(LLM, endpoint=endpoint).name == name


def test_defaults_are_json_where_they_can_be():
    settings = {"default.top_n": "3", "default.search_type": "mmr", "default.stream": "false"}
    assert plan(LLM, **settings).defaults == {"top_n": 3, "search_type": "mmr", "stream": False}


def test_mode_over_the_graphs_own():
    assert make_plan(load_flow(document("aligned")), None, {}).mode is Mode.ALIGNED
    assert make_plan(load_flow(document("aligned")), Mode.PASS_THROUGH, {}).mode is Mode.PASS_THROUGH
    assert make_plan(load_flow(document(None)), None, {}).mode is Mode.PASS_THROUGH


def document(mode):
    config = {"mode": mode} if mode else {}
    return {
        "spec": {
            "nodes": {"root": {"routerType": "Sequence", "steps": [LLM]}},
            "routerConfig": {"config": config},
        }
    }
