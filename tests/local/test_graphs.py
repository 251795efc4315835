"""A flow with a choice in it, as real processes: the request's own words choose the branch."""

import httpx
import pytest

CHOICE = """\
opea_micro_services:
  embedding:
  retrieval:
  reranking:
  quick: {type: llm}
  careful: {type: llm}
opea_mega_service:
  endpoint: /v1/ask
  mega_flow: [embedding >> retrieval >> choose]
  nodes:
    choose:
      kind: Switch
      steps:
        - {name: quick, condition: tone==quick}
        - {name: thorough, condition: tone==thorough}
    thorough: {kind: Sequence, steps: [reranking, careful]}
"""


@pytest.fixture
def url(command):
    (command.cwd / "opea.yaml").write_text(CHOICE)
    (command.cwd / "lighthouse.txt").write_text("The lighthouse of Arholma was built in 1768.\n")
    command("up")
    command("ingest", "lighthouse.txt")
    return command.json("outputs")["url"]


def test_the_request_chooses_the_branch(url):
    question = {"messages": "When was the lighthouse of Arholma built?", "stream": False}
    with httpx.Client(trust_env=False, timeout=60) as client:
        for tone in ("quick", "thorough"):
            answer = client.post(url, json={**question, "tone": tone})
            assert answer.status_code == 200, answer.text
            assert "1768" in answer.text
        unmet = client.post(url, json=question)
        assert (unmet.status_code, unmet.json()["error"]["code"]) == (400, "no-match")
        graph = client.get(url.replace("/v1/ask", "/graph")).json()
    assert set(graph["spec"]["nodes"]) == {"root", "choose", "thorough"}
