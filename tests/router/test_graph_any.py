"""Any graph with any JSON in it: the walk ends with an answer or a clear error, and leaves nothing open."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from opea_pulumi.flow import Mode, load_flow
from opea_pulumi.router import Fault, RouterError, make_plan
from opea_pulumi.router._aligned import AlignedTraffic
from opea_pulumi.router._call import Caller
from opea_pulumi.router._graph import run
from opea_pulumi.router._metrics import Metrics
from opea_pulumi.router._passthrough import PassThroughTraffic, Payload
from opea_pulumi.router._request import read_request

TYPES = ["embedding", "retrieval", "reranking", "llm"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text("ab1", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab01"), inner, max_size=3),
    max_leaves=8,
)
GOOD = st.sampled_from(
    [
        {"data": [{"embedding": [1.0]}]},
        {"retrieved_docs": [{"text": "a"}, {"text": "b"}], "metadata": [{"source": "x"}]},
        {"documents": ["b"]},
        {"choices": [{"message": {"content": "a"}}]},
    ]
)
ANSWERS = st.one_of(
    st.tuples(
        st.sampled_from([200, 200, 404, 500, 503]), (JSON | GOOD).map(lambda part: json.dumps(part).encode())
    ),
    st.tuples(st.just(200), st.binary(max_size=4)),
    st.none(),
)
CONDITIONS = st.sampled_from(
    ["", "", "a", "a==1", "a.0", "a.#(b==1)", "#.a", "parameters", "data.0.embedding"]
)


@st.composite
def graphs(draw):
    """Nodes n0 (root) to n3; a node only leads to later ones."""
    nodes = {}
    for number in range(4):
        kind = draw(st.sampled_from(["Sequence", "Switch", "Ensemble"]))
        count = draw(st.integers(1, 3))
        steps = [draw(steps_of(number, kind == "Sequence" and index == 0)) for index in range(count)]
        nodes[f"n{number}" if number else "root"] = {"routerType": kind, "steps": steps}
    return {"spec": {"nodes": nodes}}


@st.composite
def steps_of(draw, number, unconditional):
    name = draw(st.sampled_from(TYPES))
    step = {"name": name, "internalService": {}, "serviceUrl": f"http://{name}/"}
    if number < 3 and draw(st.booleans()):
        step = {"name": name, "nodeName": f"n{draw(st.integers(number + 1, 3))}"}
    return {
        **step,
        "data": draw(st.sampled_from(["", "$response"])),
        "dependency": draw(st.sampled_from(["", "Soft", "Hard"])),
        "condition": "" if unconditional else draw(CONDITIONS),
    }


class Reply:
    headers = {"Content-Type": "application/json"}

    def __init__(self, status, body):
        self.status, self._body, self.closed = status, body, False

    async def chunks(self):
        await asyncio.sleep(0)
        yield self._body

    def close(self):
        self.closed = True


class Steps:
    """Services that answer by turns."""

    def __init__(self, answers):
        self._answers, self.replies = answers, []

    async def send(self, method, url, *, headers, body=None, timeouts=None):
        await asyncio.sleep(0)
        answer = self._answers[len(self.replies) % len(self._answers)]
        if answer is None:
            raise Fault("upstream-refused", "can't be reached")
        self.replies.append(Reply(*answer))
        return self.replies[-1]


def walk(traffic, flow, value):
    """The answer, or None for a clear error."""
    try:
        return asyncio.run(run(flow, traffic, value))
    except RouterError as failure:
        error = failure
    assert error.status in (400, 404, 502, 503)
    return None


def caller(answers):
    steps = Steps(answers)
    return Caller(steps, Metrics(), {}, {}, "id"), steps


@settings(max_examples=150)
@given(graphs(), st.lists(ANSWERS, min_size=1, max_size=4), JSON)
def test_pass_through(graph, answers, client):
    flow = make_plan(load_flow(graph), Mode.PASS_THROUGH, {}).flow
    calls, steps = caller(answers)
    answer = walk(PassThroughTraffic(calls, client), flow, Payload(json.dumps(client).encode()))
    left = [reply for reply in steps.replies if not reply.closed]
    assert len(left) <= (answer is not None and answer.reply is not None)
    if answer is not None and answer.reply is None:
        assert isinstance(json.loads(answer.sent), dict)


@settings(max_examples=150)
@given(graphs(), st.lists(ANSWERS, min_size=1, max_size=4), st.dictionaries(st.sampled_from("ab01"), JSON))
def test_aligned(graph, answers, client):
    flow = make_plan(load_flow(graph), Mode.ALIGNED, {}).flow
    calls, steps = caller(answers)
    talk = read_request({**client, "text": "a"}, {}, stream=False, name="x")
    answer = walk(AlignedTraffic(flow, calls, client), flow, talk)
    assert all(reply.closed for reply in steps.replies)
    assert answer is None or answer.stream is None
