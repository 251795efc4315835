"""Compose files back to applications: files in the style of OPEA's own, and ours after changes by hand."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi.convert import convert, read
from opea_pulumi.convert.compose import from_compose
from opea_pulumi.convert.compose._variables import Text, expand
from opea_pulumi.errors import ApplicationError

BAD = yaml.safe_load((Path(__file__).parent / "bad.yaml").read_text())

FILE = """
services:
  store:
    image: redis/redis-stack:7.2.0-v9
    container_name: the-store
  ingest-server:
    image: ${REGISTRY:-opea}/dataprep:${TAG:-latest}
    ports: ["${DATAPREP_PORT:-6007}:5000"]
    environment:
      REDIS_URL: redis://the-store:6379
      TEI_EMBEDDING_ENDPOINT: http://vectors:80
      HF_TOKEN: hf_canary
      MY_PASSWORD: canary
      PROXY_URL: http://user:canary@example.com
      LOGFLAG: ${LOGFLAG}
      CHUNK_SIZE: 500
  vectors:
    image: ghcr.io/huggingface/text-embeddings-inference:cpu-1.7
    command: --model-id ${EMBEDDING_MODEL_ID:-BAAI/bge-large-en-v1.5} --auto-truncate --payload-limit 64
  embed:
    image: opea/embedding:1.5
    environment: [TEI_EMBEDDING_ENDPOINT=http://vectors:80, EMBEDDING_COMPONENT_NAME=OPEA_TEI_EMBEDDING]
  ranks:
    image: ghcr.io/huggingface/text-embeddings-inference:cpu-1.7
    command: ["--model-id", "$RERANK_MODEL_ID", "--auto-truncate"]
  finder:
    image: opea/retriever:1.4
    environment: {TEI_EMBEDDING_ENDPOINT: "http://${host_ip}:6006", REDIS_URL: "redis://store:6379"}
  talk:
    image: opea/llm-textgen:${TAG:-1.5}
    environment: {LLM_ENDPOINT: "http://brain"}
  brain:
    image: opea/vllm-gaudi:1.22.0
    runtime: habana
    environment: {HABANA_VISIBLE_DEVICES: "0,1"}
    command: --model Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size 2 --host 0.0.0.0 --port 80
  cache:
    image: example/memcached
"""


@pytest.fixture(scope="module")
def found():
    return from_compose(FILE)


def test_types_come_from_images(found):
    application, _ = found
    assert {name: service.type for name, service in application.services.items()} == {
        name: name for name in ("dataprep", "embedding", "reranking", "retrieval", "llm")
    }


def test_models_come_from_arguments_and_defaults_of_variables(found):
    application, losses = found
    assert application.services["embedding"].model == "BAAI/bge-large-en-v1.5"
    assert application.services["llm"].model == "Qwen/Qwen2.5-7B-Instruct"
    assert application.services["reranking"].model is None
    assert "ranks: the model in RERANK_MODEL_ID (the file gives it no value)" in map(str, losses)


def test_variables_can_be_given():
    application, losses = from_compose(FILE, variables={"RERANK_MODEL_ID": "BAAI/bge-reranker-large"})
    assert application.services["reranking"].model == "BAAI/bge-reranker-large"
    assert not [loss for loss in losses if loss.place == "ranks"]


def test_servers_belong_to_who_calls_them_and_keep_what_is_their_own(found):
    application, _ = found
    server = application.services["embedding"].server
    assert (server.kind, server.args) == (None, ["--payload-limit", "64"])
    assert application.services["llm"].server.resources.accelerators == 2


def test_hardware_ports_and_images(found):
    application, _ = found
    assert application.deployment.hardware == "gaudi"
    assert application.services["dataprep"].port == 6007
    assert application.services["retrieval"].image == "opea/retriever:1.4"
    assert application.services["llm"].image is None


def test_secrets_stay_behind(found):
    application, losses = found
    assert "canary" not in repr((application, losses))
    assert application.services["dataprep"].environment == {"CHUNK_SIZE": "500"}
    assert "ingest-server: variables MY_PASSWORD, PROXY_URL (they look like secrets)" in map(str, losses)


def test_what_is_not_known_is_a_loss(found):
    _, losses = found
    assert "cache: the whole service (the catalogue does not know its image)" in map(str, losses)
    assert "ingest-server: variables LOGFLAG (the file gives them no value)" in map(str, losses)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["says"])
def test_what_is_wrong_is_located(case):
    with pytest.raises(ApplicationError) as caught:
        read(case["text"], "compose", file="compose.yaml")
    assert str(caught.value).startswith(case["says"])


def test_changes_by_hand_are_reported(cases, build):
    application, blueprint = build(cases["chatqna-embedded"])
    document = yaml.safe_load(convert(blueprint, "compose", application=application).text)
    services = document["services"]
    services["llm"]["image"] = "example/other"
    services["extra"] = {"image": "example/extra"}
    del services["reranking"]
    back, losses = read(yaml.safe_dump(document), "compose")
    assert back == application
    assert {loss.place: loss.what for loss in losses} == {
        "llm": "changes by hand",
        "extra": "a service that was added by hand",
        "reranking": "a service that was taken out by hand",
    }


@pytest.mark.parametrize(
    ("text", "value", "missing"),
    [
        ("plain", "plain", ()),
        ("a$$b", "a$b", ()),
        ("$SET-${SET}", "yes-yes", ()),
        ("$UNSET", "", ("UNSET",)),
        ("${UNSET:-a}${UNSET-b}", "ab", ()),
        ("${EMPTY:-a}|${EMPTY-b}", "a|", ()),
        ("${UNSET:-${SET}}", "yes", ()),
        ("${UNSET:-${OTHER}}", "", ("OTHER",)),
        ("${SET:+a}${UNSET+b}", "a", ()),
        ("${UNSET:?why}", "", ("UNSET",)),
        ("${UNSET:-a}}", "a}", ()),
        ("${}", "${}", ()),
        ("${SET", "${SET", ()),
        ("$ $5", "$ $5", ()),
        ("${UNSET:-$$x}", "$x", ()),
    ],
)
def test_variables(text, value, missing):
    assert expand(text, {"SET": "yes", "EMPTY": ""}) == Text(value, missing)
