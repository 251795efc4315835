"""The traps of OPEA's own files (opea.md 8), each a rule of the resolver and a test that names it.

Trap 13, the gateway's default for `stream`, is the router's: tests/router/test_streaming.py.
"""

import pytest

from opea_pulumi import parse_application
from opea_pulumi.blueprint import (
    EndpointValue,
    LiteralValue,
    SecretValue,
    build_blueprint,
    parse_quantity,
    weight_bytes,
)
from opea_pulumi.catalog import application_text, applications, load_release, models
from opea_pulumi.convert import convert
from opea_pulumi.terms import Hardware, Orchestrator

RELEASE = load_release("1.5")
VECTOR_STORES = sorted(
    name for name, row in RELEASE.stores.items() if {"retrieval", "dataprep"} <= set(row.clients)
)
BGE = ["BAAI/bge-base-en-v1.5", "BAAI/bge-large-en-v1.5", "BAAI/bge-small-en-v1.5"]
INDEX_NAMES = {"INDEX_NAME", "QDRANT_INDEX_NAME", "COLLECTION_NAME", "PINECONE_INDEX_NAME", "PG_INDEX_NAME"}
INDEX_NAMES |= {"ES_INDEX_NAME", "OPENSEARCH_INDEX_NAME", "VDMS_INDEX_NAME", "GS_INDEX_NAME"}


def chatqna(text="", **settings):
    return build_blueprint(parse_application(f"opea_app: chatqna\n{text}"), name="chatqna", **settings)


def known(name, hardware=Hardware.XEON):
    return build_blueprint(parse_application(application_text(name)), name=name, hardware=hardware)


def literal(workload, key):
    value = workload.environment[key]
    assert isinstance(value, LiteralValue)
    return value.value


@pytest.mark.parametrize("name", ["dataprep", "retrieval"])
def test_1_the_embedding_server_has_the_name_that_is_read_and_the_hub_token_is_there(name):
    environment = chatqna().workload(name).environment
    assert environment["TEI_EMBEDDING_ENDPOINT"] == EndpointValue(workload="tei-embedding")
    assert environment["HF_TOKEN"] == SecretValue(secret="hf-token")


@pytest.mark.parametrize("store", VECTOR_STORES)
def test_2_dataprep_and_retriever_use_one_index(store):
    blueprint = chatqna(f"opea_deployment: {{vector_store: {store}}}")
    used = {
        literal(blueprint.workload(name), key)
        for name in ("dataprep", "retrieval")
        for key in INDEX_NAMES & blueprint.workload(name).environment.keys()
    }
    assert len(used) <= 1


@pytest.mark.parametrize(
    "model", ["BAAI/bge-base-en-v1.5", "BAAI/bge-large-en-v1.5", "BAAI/bge-small-en-v1.5"]
)
def test_2_qdrant_knows_the_dimensions_of_the_model(model):
    text = (
        f"opea_micro_services: {{embedding: {{model: {model}}}}}\nopea_deployment: {{vector_store: qdrant}}"
    )
    dimensions = literal(chatqna(text).workload("retrieval"), "QDRANT_EMBED_DIMENSION")
    assert int(dimensions) == models()[model].dimensions


def test_3_one_embedding_model_for_all():
    blueprint = chatqna("opea_micro_services: {embedding: {model: BAAI/bge-large-en-v1.5}}")
    server = blueprint.workload("tei-embedding")
    assert server.model == "BAAI/bge-large-en-v1.5"
    callers = [item.name for item in blueprint.workloads if server.name in item.downstreams]
    assert {"dataprep", "embedding"} <= set(callers)
    named = [item.environment.get("EMBED_MODEL") for item in blueprint.workloads]
    assert {value.value for value in named if value is not None} <= {server.model, ""}


@pytest.mark.parametrize(("service", "port"), [("retrieval", 7000), ("dataprep", 5000)])
def test_4_and_5_container_ports_are_constant_whatever_is_asked_for(service, port):
    blueprint = chatqna(f"opea_micro_services: {{{service}: {{port: 4711}}}}")
    workload = blueprint.workload(service)
    assert (workload.port.number, workload.port.requested) == (port, 4711)
    assert blueprint.workload("redis-vector-db").port.number == 6379
    resolved = blueprint.resolved_flow(lambda name: f"http://{name}:{blueprint.workload(name).port.number}")
    step = next(step for step in resolved.nodes["root"].steps if step.name == service)
    assert step.service_url.startswith(f"http://{service}:{port}/")


def test_6_a_remote_llm_of_the_megaservice_is_named_with_its_scheme():
    text = "opea_micro_services: {llm: {url: 'https://api.example.com/v1', model: m}}"
    environment = chatqna(text, orchestrator=Orchestrator.MEGASERVICE).workload("megaservice").environment
    assert environment["LLM_SERVER_HOST_IP"] == LiteralValue(value="https://api.example.com")
    assert environment["OPENAI_API_KEY"] == SecretValue(secret="llm-api-key")


CARDS = {"chatqna": 2, "agentqna": 5, "audioqna": 3}
"""The llm's cards, and one for each other server that has a Gaudi image (4 and the reranker for agentqna)."""


@pytest.mark.parametrize(("name", "cards"), CARDS.items())
def test_7_cards_are_counted_and_never_all_for_two(name, cards):
    blueprint = known(name, Hardware.GAUDI)
    assert sum(item.resources.accelerators for item in blueprint.workloads) == cards
    for item in blueprint.workloads:
        assert "HABANA_VISIBLE_DEVICES" not in item.environment
    lines = [line.strip() for line in convert(blueprint, "compose").text.splitlines()]
    given = [line.split(": ")[1].strip("'") for line in lines if line.startswith("HABANA_VISIBLE_DEVICES")]
    indexes = [index for devices in given for index in devices.split(",")]
    assert sorted(indexes) == [str(index) for index in range(cards)]


def test_8_a_gaudi_server_has_half_an_hour_to_warm_up():
    server = chatqna(hardware=Hardware.GAUDI).workload("vllm")
    assert server.health.start_budget >= 1800
    assert chatqna().workload("vllm").health.start_budget >= 1000


def test_9_kubernetes_objects_come_in_the_order_in_which_they_are_needed():
    text = convert(chatqna(), "kubernetes").text
    kinds = [line.removeprefix("kind: ") for line in text.splitlines() if line.startswith("kind: ")]
    order = ["Namespace", "ServiceAccount", "PersistentVolumeClaim", "Deployment"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)


@pytest.mark.parametrize("store", ["redis", "mongo"])
def test_10_stores_keep_their_data(store):
    assert RELEASE.stores[store].server.volumes


def test_10_what_runs_as_root_is_named_and_the_megaservice_is_probed():
    blueprint = chatqna("opea_deployment: {ui: true}", orchestrator=Orchestrator.MEGASERVICE)
    roots = [item for item in blueprint.workloads if item.security.user == 0]
    assert {"vllm", "gateway"} <= {item.name for item in roots}
    assert all(item.security.exceptions["root"] for item in roots)
    megaservice = blueprint.workload("megaservice")
    assert megaservice.health.path
    assert parse_quantity(megaservice.resources.memory)


def test_11_every_image_has_a_pinned_tag_and_one_override_point():
    for name in applications():
        for item in known(name).workloads:
            tag = item.image.rpartition("/")[2].partition(":")[2]
            assert tag not in ("", "latest"), f"{name}: {item.image}"
    text = "opea_micro_services: {llm: {image: r/llm:1, server: {kind: vllm, image: r/vllm:2}}}"
    blueprint = chatqna(text)
    assert blueprint.workload("llm").image == "r/llm:1"
    assert blueprint.workload("vllm").image == "r/vllm:2"


def test_12_gated_models_are_known_and_only_what_loads_them_has_the_token():
    assert models()["meta-llama/Meta-Llama-3-8B-Instruct"].gated
    assert not models()["Qwen/Qwen2.5-0.5B-Instruct"].gated
    blueprint = chatqna()
    assert "HF_TOKEN" not in blueprint.workload("vllm").environment
    prefetch = blueprint.workload("vllm-prefetch")
    assert SecretValue(secret="hf-token") in prefetch.environment.values()
    assert blueprint.workload("vllm").after == ("vllm-prefetch",)


@pytest.mark.parametrize("name", applications())
def test_14_the_volume_for_weights_holds_them(name):
    blueprint = known(name)
    sizes = {volume.name: parse_quantity(volume.size) for volume in blueprint.volumes}
    for item in blueprint.workloads:
        row = models().get(item.model)
        for mount in item.mounts:
            if row and mount.volume.endswith("-models"):
                assert sizes[mount.volume] >= 2 * weight_bytes(row)


@pytest.mark.parametrize("name", applications())
def test_15_one_megaservice_a_blueprint(name):
    assert [item.role for item in known(name).workloads].count("megaservice") <= 1
