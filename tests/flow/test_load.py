"""Reading and writing graphs."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.errors import FlowError
from opea_pulumi.flow import (
    Dependency,
    Flow,
    InternalService,
    Mode,
    Node,
    NodeKind,
    Step,
    dump_flow,
    load_flow,
)

TEXT = st.text(max_size=8)
CONFIG = st.dictionaries(TEXT, TEXT, max_size=3)
SERVICES = st.builds(
    InternalService, service_name=TEXT, name_space=TEXT, config=CONFIG, is_downstream_service=st.booleans()
)
STEPS = st.builds(
    Step,
    name=TEXT,
    internal_service=st.none() | SERVICES,
    external_service=TEXT,
    service_url=st.just("http://a/b"),
    data=st.sampled_from(["", "$response"]),
    condition=TEXT,
    dependency=st.none() | st.sampled_from(Dependency),
)


@st.composite
def flows(draw):
    names = [
        "root",
        *draw(st.lists(TEXT.filter(lambda name: name not in ("", "root")), unique=True, max_size=3)),
    ]
    nodes = {}
    for index, name in enumerate(names):
        # only to later nodes, so that there is no cycle
        inner = [Step(node_name=later) for later in names[index + 1 :] if draw(st.booleans())]
        steps = draw(st.permutations([*draw(st.lists(STEPS, max_size=3)), *inner]))
        nodes[name] = Node(kind=draw(st.sampled_from(NodeKind)), steps=tuple(steps))
    settings = draw(st.dictionaries(TEXT.filter(lambda key: key != "mode"), TEXT, max_size=3))
    return Flow(nodes=nodes, settings=settings)


@given(flows())
def test_round_trip(flow):
    text = dump_flow(flow)
    assert load_flow(text) == flow
    assert dump_flow(load_flow(text)) == text


@given(flows())
def test_equal_graphs_have_equal_texts(flow):
    turned = Flow(nodes=dict(reversed(flow.nodes.items())), settings=dict(reversed(flow.settings.items())))
    assert turned == flow
    assert dump_flow(turned) == dump_flow(flow)


@given(st.text(max_size=30))
def test_any_text_is_a_graph_or_refused(text):
    with pytest.raises(FlowError):
        load_flow(text)


def graph(nodes, **config):
    return {"spec": {"nodes": nodes, "routerConfig": {"config": config}}}


def node(*steps):
    return {"routerType": "Sequence", "steps": list(steps)}


CALL = {"name": "llm", "serviceUrl": "http://a/b"}
REFUSED = {
    "no spec": ({}, "bad-graph"),
    "spec is no object": ({"spec": []}, "bad-graph"),
    "nodes are no object": (graph([]), "bad-graph"),
    "no root": (graph({"a": node(CALL)}), "no-root"),
    "no kind": (graph({"root": {"steps": []}}), "bad-graph"),
    "unknown kind": (graph({"root": {"routerType": "Loop"}}), "bad-graph"),
    "number in the settings": (graph({"root": node(CALL)}, port=1), "bad-graph"),
    "steps are no list": (graph({"root": {"routerType": "Sequence", "steps": 1}}), "bad-graph"),
    "unknown dependency": (graph({"root": node({**CALL, "dependency": "Firm"})}), "bad-graph"),
    "unknown node": (graph({"root": node({"nodeName": "a"})}), "unknown-node"),
    "step without a URL": (graph({"root": node({"name": "llm"})}), "no-url"),
    "unknown mode": (graph({"root": node(CALL)}, mode="other"), "unknown-mode"),
    "unknown contract": (
        graph({"root": node(CALL)}, mode="aligned", **{"type.llm": "x"}),
        "unknown-contract",
    ),
    "calls itself": (graph({"root": node({"nodeName": "root"})}), "cycle"),
    "cycle": (graph({"root": node({"nodeName": "a"}), "a": node({"nodeName": "root"})}), "cycle"),
    "cycle beside the root": (
        graph({"root": node(CALL), "a": node({"nodeName": "b"}), "b": node({"nodeName": "a"})}),
        "cycle",
    ),
}


@pytest.mark.parametrize(("document", "code"), REFUSED.values(), ids=REFUSED)
def test_refused(document, code):
    with pytest.raises(FlowError) as caught:
        load_flow(document, file="graph.json")
    assert caught.value.code == code
    assert caught.value.location.file == "graph.json"


def test_bad_json_is_located():
    with pytest.raises(FlowError) as caught:
        load_flow('{\n "spec": x}', file="g.json")
    assert (caught.value.location.line, caught.value.location.column) == (2, 10)


@pytest.mark.parametrize("turned", [False, True])
def test_depth_is_bounded_in_any_order(turned):
    names = ["root", *(f"n{index}" for index in range(5000))]
    nodes = {name: node({"nodeName": after}) for name, after in itertools.pairwise(names)}
    nodes[names[-1]] = node(CALL)
    with pytest.raises(FlowError) as caught:
        load_flow(graph(dict(reversed(nodes.items())) if turned else nodes))
    assert caught.value.code == "too-deep"


def test_deep_json_is_refused():
    with pytest.raises(FlowError) as caught:
        load_flow('{"spec":' + "[" * 100_000)
    assert caught.value.code == "bad-json"


def test_many_paths_to_one_node_are_checked_once():
    names = ["root", *(f"n{index}" for index in range(25))]
    nodes = {name: node(*[{"nodeName": after}] * 9) for name, after in itertools.pairwise(names)}
    nodes[names[-1]] = node(CALL)
    assert len(load_flow(graph(nodes)).nodes) == 26


def test_as_lenient_as_upstream():
    text = json.dumps(
        {
            "apiVersion": "gmc.opea.io/v1alpha3",
            "spec": {
                "nodes": {"root": {"routerType": "Sequence", "steps": [{**CALL, "dependency": "", "new": 1}]}}
            },
        }
    )
    flow = load_flow(text)
    assert flow.mode is Mode.PASS_THROUGH
    assert flow.nodes["root"].steps[0].dependency is None
    assert load_flow(graph({"root": {"routerType": "Switch", "steps": None}})).nodes["root"].steps == ()
