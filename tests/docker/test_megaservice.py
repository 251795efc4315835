"""A stack whose flow OPEA's own image runs, behind its user interface: all operations, without a router."""

import json

import docker_images
import pytest
from docker_plans import known, plan

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

APPLICATION = known("chatqna", "megaservice", ui=True) | {
    # the preflight adds up the memory of the model servers
    "opea_micro_services": {
        "embedding": {"model": "BAAI/bge-small-en-v1.5"},
        "retrieval": None,
        "llm": {
            "model": "Qwen/Qwen2.5-0.5B-Instruct",
            "server": {"kind": "tgi", "resources": {"memory": "6Gi"}},
        },
    },
    "opea_mega_service": {"orchestrator": "megaservice", "mega_flow": ["embedding >> retrieval >> llm"]},
}


@pytest.fixture(scope="module")
def stack(command, engine_client):
    """The name of a stack of images that stand in: a completion of theirs is what they were sent."""
    each = plan("chatqna", 0, APPLICATION)
    docker_images.stand_ins(engine_client, sorted(each.images))
    folder = command.cwd / "chatqna"
    folder.mkdir()
    (folder / "opea.yaml").write_text(each.definition)
    (folder / "handbook.md").write_text("27 days.\n")
    name = command.more["OPEA_TEST_TOKEN"]
    command("up", str(folder), "--target", "docker", "--stack", name)
    return name


def test_status_and_logs_are_the_engine_s(command, stack):
    rows = command.json("status", "--stack", stack)["workloads"]
    assert {row["state"] for row in rows} == {"running"}
    assert {"megaservice", "gateway", "ui", "tgi-llm"} <= {row["name"] for row in rows}
    assert "listening on" in command("logs", "megaservice", "--stack", stack)


def test_ask_sends_the_service_s_own_request(command, stack):
    answer = command.json("ask", "--stack", stack, "-k", "3", "How many days?")
    assert json.loads(answer["answer"]) == {"messages": "How many days?", "stream": False, "k": 3}
    assert answer["sources"] == []


def test_ingest_goes_to_dataprep(command, stack):
    command("ingest", "--stack", stack, str(command.cwd / "chatqna/handbook.md"))
    assert "POST /v1/dataprep/ingest" in command("logs", "dataprep", "--stack", stack)


def test_test_asks_the_steps_that_are_microservices(command, stack):
    """Its image calls the servers of embedding and llm itself, in their own forms."""
    hops = command.json("test", "--stack", stack)
    assert [(hop["hop"], hop["error"]) for hop in hops] == [("dataprep", ""), ("megaservice", "")]
