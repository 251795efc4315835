"""Components of single workloads, each alone in another program."""

import json

import pulumi
import pytest
from opea_pulumi.components.docker import (
    DockerMicroservice,
    DockerModelServer,
    DockerRouter,
    DockerUi,
    DockerVectorStore,
)

CONTAINER = "docker:index/container:Container"
FLOW = "opea_micro_services: {embedding: null, retrieval: null, llm: null}\n"
FLOW += "opea_mega_service: {endpoint: /v1/mine, mega_flow: [embedding >> retrieval >> llm]}\n"


def containers(made):
    return {name: one.inputs for name, one in made.of_type(CONTAINER).items()}


def test_a_microservice_has_the_catalogues_image_and_the_given_addresses(run):
    def program():
        made = DockerMicroservice(
            "emb",
            {"type": "embedding", "network": "net", "endpoints": {"tei-embedding": "http://elsewhere:81"}},
        )
        pulumi.export("url", made.url)

    made = run(program)
    [container] = containers(made).values()
    assert container["name"] == "s-emb"
    assert "TEI_EMBEDDING_ENDPOINT=http://elsewhere:81" in container["envs"]
    assert container["networksAdvanced"] == [{"name": "net", "aliases": ["emb"]}]
    assert "ports" not in container
    assert made.outputs["url"] == "http://emb:6000"
    images = [one.inputs["name"] for one in made.of_type("docker:index/remoteImage:RemoteImage").values()]
    assert images == ["opea/embedding:1.5"]


def test_what_it_calls_must_be_said(run):
    with pytest.raises(pulumi.InputPropertyError, match="base URL of tei-embedding"):
        run(lambda: DockerMicroservice("emb", {"type": "embedding", "network": "net"}))


def test_a_service_that_stands_beside_flows(run):
    endpoints = {"tei-embedding": "http://t:1", "redis-vector-db": "http://r:6379"}

    def program():
        DockerMicroservice(
            "prep", {"type": "dataprep", "network": "net", "endpoints": endpoints, "port": 6007}
        )

    container = containers(run(program))["prep-prep"]
    assert "REDIS_URL=redis://r:6379" in container["envs"]
    assert container["ports"] == [{"internal": 5000, "external": 6007, "ip": "127.0.0.1"}]


@pytest.mark.parametrize(
    ("kind", "image"),
    [
        ("tei", "text-embeddings-inference"),
        ("vllm", "vllm"),
        ("tgi", "text-generation-inference"),
        ("ollama", "ollama"),
        ("vllm-tools", "vllm"),
        ("whisper", "whisper"),
        ("gpt-sovits", "gpt-sovits"),
    ],
)
def test_a_model_server_and_its_weights(kind, image, run):
    def program():
        pulumi.export("url", DockerModelServer("served", {"kind": kind, "network": "net"}).url)

    made = run(program)
    main = [one for one in containers(made).values() if one.get("wait")]
    assert len(main) == 1
    assert "served" in main[0]["networksAdvanced"][0]["aliases"]
    assert made.outputs["url"].startswith("http://served:")
    images = [one.inputs["name"] for one in made.of_type("docker:index/remoteImage:RemoteImage").values()]
    assert any(image in name for name in images)


def test_a_model_server_on_cards(run):
    args = {"kind": "vllm", "hardware": "gaudi", "model": "Qwen/Qwen2.5-7B-Instruct", "accelerators": 2}
    [main] = [
        one for one in containers(run(lambda: DockerModelServer("v", args))).values() if "runtime" in one
    ]
    assert main["runtime"] == "habana"
    assert "HABANA_VISIBLE_DEVICES=0,1" in main["envs"]


def test_servers_of_one_program_share_no_card(run):
    def program():
        for name in ("a", "b"):
            DockerModelServer(name, {"kind": "vllm", "hardware": "gaudi", "accelerators": 2})

    environments = [" ".join(one["envs"]) for one in containers(run(program)).values() if "runtime" in one]
    assert sorted(text.partition("HABANA_VISIBLE_DEVICES=")[2][:3] for text in environments) == ["0,1", "2,3"]


def test_cards_that_nobody_can_have(run, present):
    present["greedy"] = {
        "State": {"Status": "running"},
        "HostConfig": {"Runtime": "habana"},
        "Config": {"Env": ["HABANA_VISIBLE_DEVICES=all"]},
    }
    with pytest.raises(pulumi.RunError, match=r"needs 1 Gaudi card; all held by greedy \(all\)"):
        run(lambda: DockerModelServer("v", {"kind": "vllm", "hardware": "gaudi"}))


def test_a_store_of_several_containers(run):
    def program():
        pulumi.export("url", DockerVectorStore("store", {"kind": "milvus", "network": "net"}).url)

    made = run(program)
    aliases = {
        one["name"]: one["networksAdvanced"][0]["aliases"]
        for one in containers(made).values()
        if "networksAdvanced" in one
    }
    assert len(aliases) == 3
    assert [name for name, names in aliases.items() if "store" in names] == ["s-store-milvus-standalone"]


def test_a_store_that_is_a_service_elsewhere(run):
    with pytest.raises(pulumi.InputPropertyError, match="nothing to run"):
        run(lambda: DockerVectorStore("store", {"kind": "pinecone"}))


def test_a_router_over_services_that_are_there(run):
    endpoints = {
        "embedding": "http://e:1",
        "retrieval": "http://r:2",
        "llm": "http://l:3",
        "dataprep": "http://d:4",
    }

    def program():
        made = DockerRouter(
            "front", {"definition": FLOW, "endpoints": endpoints, "network": "net", "port": 80}
        )
        pulumi.export("url", made.published_url)

    made = run(program)
    [container] = containers(made).values()
    graph = json.loads(container["command"][container["command"].index("--graph-json") + 1])
    urls = [step["serviceUrl"] for step in graph["spec"]["nodes"]["root"]["steps"]]
    assert urls == [
        "http://e:1/v1/embeddings",
        "http://r:2/v1/retrieval",
        "http://l:3/v1/chat/completions",
        "http://d:4/v1/dataprep/ingest",
    ]
    assert made.outputs["url"] == "http://127.0.0.1:80"


def test_a_router_needs_every_service(run):
    with pytest.raises(pulumi.InputPropertyError, match="base URL of retrieval"):
        run(lambda: DockerRouter("front", {"definition": FLOW, "endpoints": {"embedding": "http://e:1"}}))


def test_an_interface(run):
    text = "opea_app: chatqna\nopea_deployment: {ui: true}\n"
    endpoints = {"router": "http://r:8888", "dataprep": "http://d:5000"}

    def program():
        made = DockerUi("ui", {"definition": text, "endpoints": endpoints, "network": "net", "port": 5173})
        pulumi.export("url", made.published_url)

    made = run(program)
    assert made.outputs["url"] == "http://127.0.0.1:5173"
    assert containers(made)
    with pytest.raises(pulumi.InputPropertyError, match="the application has none"):
        run(lambda: DockerUi("ui", {"definition": FLOW, "endpoints": endpoints}))
