"""What a flow can end with."""

import pytest

from opea_pulumi.flow import load_flow
from opea_pulumi.router._ends import can_chat, streams_unasked


def flow(*steps, kind="Sequence", **nodes):
    def step(given):
        name, _, condition = given.partition(" if ")
        where = {"nodeName": name} if name in nodes else {"serviceUrl": "http://a/x"}
        return {"name": name, "condition": condition, **where}

    every = {"root": steps, **nodes}
    written = {
        name: {
            "routerType": kind if name == "root" else "Sequence",
            "steps": [step(given) for given in given_steps],
        }
        for name, given_steps in every.items()
    }
    return load_flow({"spec": {"nodes": written}})


@pytest.mark.parametrize(
    ("given", "chats", "streams"),
    [
        (flow("embedding", "retrieval", "llm"), True, True),
        (flow("asr", "docsum"), True, True),
        (flow("retrieval", "faqgen"), True, True),
        (flow("lvm"), True, False),
        (flow("agent"), True, False),
        (flow("asr", "llm", "tts"), False, False),
        (flow("retrieval"), False, False),
        (flow("guardrails"), False, False),
        (flow("llm", "guardrails"), True, True),
        (flow("lvm", "toxicity-detection"), True, False),
        (flow("llm", "checks", checks=("guardrails", "pii-detection")), True, True),
        (flow("tts", "checks", checks=("guardrails", "pii-detection")), False, False),
        (flow("llm", "tts if a"), True, True),
        (flow("retrieval if a", "llm if b", kind="Switch"), True, True),
    ],
)
def test_ends(given, chats, streams):
    assert (can_chat(given), streams_unasked(given)) == (chats, streams)
