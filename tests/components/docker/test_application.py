"""DockerApplication: what it registers, and with what."""

from pathlib import Path

import pulumi
import pytest
from mocked_pulumi import Hidden
from opea_pulumi.components.docker import DockerApplication

ROOT = Path(__file__).parents[3]
CONTAINER = "docker:index/container:Container"
NETWORK = "docker:index/network:Network"
VOLUME = "docker:index/volume:Volume"


@pytest.fixture
def deploy(run):
    """A function: an example, deployed as `demo`."""

    def deploy(example="chatqna", **arguments):
        def program():
            made = DockerApplication("demo", {"application": str(ROOT / "examples" / example), **arguments})
            for name in ("url", "endpoints", "network"):
                pulumi.export(name, getattr(made, name))

        return run(program)

    return deploy


def containers(made):
    """The inputs of each container, by its name without the prefix."""
    return {
        one.inputs["name"].removeprefix("s-demo-"): one.inputs for one in made.of_type(CONTAINER).values()
    }


def test_one_container_a_workload_with_names_of_the_stack(deploy):
    made = deploy(profile="embedded")
    expected = ["volume-owner", "embedding", "llm", "reranking", "retrieval", "dataprep", "router"]
    assert sorted(containers(made)) == sorted(expected)
    assert {one.inputs["name"] for one in made.of_type(NETWORK).values()} == {"s-demo-default", "s-demo-edge"}
    assert [one.inputs["name"] for one in made.of_type(VOLUME).values()] == ["s-demo-documents"]
    assert made.outputs["url"] == "http://127.0.0.1:8888/v1/chatqna"
    assert made.outputs["network"] == "s-demo-default"
    assert made.outputs["endpoints"]["embedding"] == "http://embedding:6000"
    assert made.outputs["endpoints"]["router"] == "http://127.0.0.1:8888"


def test_workloads_are_components_of_their_kind(deploy):
    made = deploy()
    parents = {
        one.inputs["name"].removeprefix("s-demo-"): one.urn.split("::")[2].split("$")[-2].rpartition(":")[2]
        for one in made.of_type(CONTAINER).values()
    }
    assert parents == {
        "volume-owner": "DockerApplication",
        "redis-vector-db": "DockerVectorStore",
        **dict.fromkeys(["dataprep", "embedding", "llm", "reranking", "retrieval"], "DockerMicroservice"),
        **{
            f"{server}{step}": "DockerModelServer"
            for server in ("tei-embedding", "tei-reranking", "vllm")
            for step in ("", "-prefetch")
        },
        "router": "DockerRouter",
    }


def test_only_the_front_is_published_on_loopback(deploy):
    ports = {name: inputs.get("ports") for name, inputs in containers(deploy()).items()}
    assert ports.pop("router") == [{"internal": 8888, "external": 8888, "ip": "127.0.0.1"}]
    assert not any(ports.values())


def test_a_port_that_another_container_has_is_left_to_it(deploy, present):
    present["other"] = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8888"}]}}}
    assert deploy().outputs["url"] == "http://127.0.0.1:8889/v1/chatqna"


def test_a_port_once_chosen_is_kept(deploy, present):
    present["s-demo-router"] = {
        "HostConfig": {"PortBindings": {"8888/tcp": [{"HostIp": "", "HostPort": "9123"}]}}
    }
    assert deploy().outputs["url"] == "http://127.0.0.1:9123/v1/chatqna"


def test_a_port_that_was_asked_for_is_taken_as_it_is(deploy, present):
    present["other"] = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "9000"}]}}}
    assert deploy(port=9000).outputs["url"] == "http://127.0.0.1:9000/v1/chatqna"


def test_secrets_are_files_and_stand_nowhere_else(deploy):
    made = deploy(secrets={"hf-token": "canary"})
    holders = {name: one for name, one in containers(made).items() if name.endswith("-secrets")}
    assert set(holders) >= {"vllm-prefetch-secrets", "dataprep-secrets", "retrieval-secrets"}
    for one in holders.values():
        assert one["start"] is False
        assert one["uploads"] == Hidden(
            [{"file": "/run/secrets/hf-token", "content": "canary", "permissions": "0444"}]
        )
    shown = [
        value
        for one in made.resources.values()
        for key, value in one.inputs.items()
        if not isinstance(value, Hidden)
    ]
    assert "canary" not in str(shown)
    reader = containers(made)["dataprep"]
    assert {
        "target": "/run/secrets",
        "type": "volume",
        "source": "s-demo-dataprep-secrets",
        "readOnly": True,
    } in (reader["mounts"])
    # another secret is another holder, and so another container
    assert {"label": "opea.secrets", "value": "demo-dataprep-secrets"} in reader["labels"]


def test_without_secrets_there_are_no_holders(deploy):
    assert not any(name.endswith("-secrets") for name in containers(deploy()))


def test_a_step_that_failed_runs_again_and_then_no_more(deploy, present):
    def attempt():
        labels = containers(deploy())["vllm-prefetch"]["labels"]
        return [row["value"] for row in labels if row["label"] == "opea.attempt"]

    assert attempt() == []
    last = {"Config": {"Labels": {}}, "State": {"Status": "exited", "ExitCode": 1}, "HostConfig": {}}
    present["s-demo-vllm-prefetch"] = last
    assert attempt() == ["1"]
    last["Config"]["Labels"]["opea.attempt"] = "1"
    assert attempt() == ["2"]
    last["State"]["ExitCode"] = 0
    assert attempt() == ["1"]


def test_servers_wait_for_their_weights_and_services_for_their_servers(deploy):
    made = deploy()
    names = {one.inputs["name"]: one for one in made.of_type(CONTAINER).values()}

    def needs(name):
        return {urn.rpartition("::")[2].removeprefix("demo-") for urn in names[f"s-demo-{name}"].depends_on}

    assert "vllm-prefetch" in needs("vllm")
    assert "vllm" in needs("llm")
    assert {"embedding", "retrieval", "reranking", "llm"} <= needs("router")
    assert names["s-demo-vllm"].inputs["waitTimeout"] > 1000


def test_every_gaudi_card_belongs_to_one_server(run):
    text = (ROOT / "examples/chatqna-guardrails/opea.yaml").read_text()

    def program():
        DockerApplication("demo", {"definition": text + "\nopea_deployment: {hardware: gaudi}\n"})

    made = containers(run(program))
    cards = {
        name: next(row for row in one["envs"] if row.startswith("HABANA_VISIBLE_DEVICES=")).partition("=")[2]
        for name, one in made.items()
        if one.get("runtime") == "habana"
    }
    used = [card for value in cards.values() for card in value.split(",")]
    assert len(cards) > 1
    assert len(used) == len(set(used))


def test_neither_path_nor_text_is_an_error(run):
    with pytest.raises(pulumi.InputPropertyError, match="exactly one of application and definition"):
        run(lambda: DockerApplication("demo", {}))


def test_a_wrong_application_is_told_at_its_place(run):
    with pytest.raises(pulumi.RunError, match=r"definition:1:\d+.*no-such-service|unknown"):
        run(lambda: DockerApplication("demo", {"definition": "opea_micro_services: {nothing: {type: nope}}"}))


def test_the_applications_own_files_are_sent_to_the_engine(deploy):
    """Compose's configs: without them a service would start without what it is told to read."""
    tools = ROOT / "examples" / "agentqna" / "tools"
    found = containers(deploy("agentqna"))["supervisor"]["uploads"]
    assert {entry["file"]: entry["content"] for entry in found} == {
        f"/home/user/tools/{name}": (tools / name).read_text() for name in ("ask.py", "supervisor.yaml")
    }
