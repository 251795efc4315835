"""What the rules of the language let pass: the other side of tests/application/bad."""

import pytest
import yaml

from opea_pulumi import parse_application
from opea_pulumi.application import looks_secret


def application(services, **mega):
    mega = {"mega_flow": ["llm"], **mega}
    return parse_application(yaml.safe_dump({"opea_micro_services": services, "opea_mega_service": mega}))


@pytest.mark.parametrize(
    "name",
    [
        *(
            "HF_TOKEN",
            "TOKEN",
            "HUGGINGFACEHUB_API_TOKEN",
            "OPENAI_API_KEY",
            "GOOGLE_API_KEY",
            "apikey",
            "MY_APIKEY",
        ),
        *(
            "NEO4J_PASSWORD",
            "PASSWORD_1",
            "DB_PASSWD",
            "MYSQL_PASS",
            "CLIENT_SECRET",
            "SECRET_ACCESS_KEY",
            "KEY",
        ),
        *("SSH_PASSPHRASE", "AWS_CREDENTIALS", "langchain_api_key"),
    ],
)
def test_names_of_secrets(name):
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "MAX_TOKENS",
            "MAX_TOTAL_TOKENS",
            "TOKENIZERS_PARALLELISM",
            "PAD_TOKEN",
            "EOS_TOKEN",
            "MAX_NEW_TOKEN",
        ),
        *("PASSWORD_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "SSL_KEY_PATH", "PRIMARY_KEY", "TOKEN_URL"),
        *("MONKEY", "BYPASS", "KEYSPACE", "LOG_LEVEL", "HF_HOME", "NO_PROXY"),
    ],
)
def test_names_of_other_things(name):
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "environment",
    [
        {"ENABLE_TOKEN": "true"},
        {"API_TOKEN": ""},
        {"REDIS_URL": "redis://store:6379"},
        {"CONTACT": "me@example.com"},
        {"MAX_TOKENS": "1024"},
    ],
)
def test_environments_without_secrets(environment):
    assert application({"llm": {"environment": environment}}).services["llm"].environment == environment


@pytest.mark.parametrize(
    "given",
    [
        {"args": ["--max-total-tokens", "2048", "--api-key", "$(VLLM_API_KEY)"]},
        {"args": ["--api-key"]},
        {"args": ["--tokenizer", "x"], "command": ["sh", "-c", "true"]},
        {"image": "registry.example.com:5000/a/b:1@sha256:" + "0" * 64},
    ],
)
def test_servers_without_secrets(given):
    assert application({"llm": {"server": given}})


@pytest.mark.parametrize(
    "condition",
    [
        "model-id==large",
        "model-id == large",
        "stream",
        "parameters.stream",
        'list.#(id=="x")',
        "list.#",
        "a==b c",
    ],
)
def test_conditions(condition):
    nodes = {"choice": {"kind": "Switch", "steps": [{"name": "llm", "condition": condition}]}}
    made = application({"llm": {}}, mega_flow=["choice"], nodes=nodes)
    assert made.mega.nodes["choice"].steps[0].condition == condition


def test_a_switch_may_have_steps_without_condition():
    nodes = {"choice": {"kind": "Switch", "steps": ["llm", "asr", {"name": "tts", "condition": "a"}]}}
    made = application({"llm": {}, "asr": {}, "tts": {}}, mega_flow=["choice"], nodes=nodes)
    assert [step.name for step in made.mega.nodes["choice"].steps] == ["llm", "asr", "tts"]
    assert made.mega.flow.nodes == ("choice",)


def test_names_in_nodes_and_uses_are_canonical():
    nodes = {"rerank": {"kind": "Sequence", "steps": ["retriever", {"name": "llm"}]}}
    services = {"retriever": {"uses": {"EMBED_URL": "embed"}}, "llm": {}, "embed": {}}
    made = application(services, mega_flow=["reranking"], nodes=nodes)
    assert set(made.mega.nodes) == {"reranking"}
    assert [step.name for step in made.mega.nodes["reranking"].steps] == ["retrieval", "llm"]
    assert made.services["retrieval"].uses == {"EMBED_URL": "embedding"}
    assert made.mega.endpoint == "/v1/chatqna"


def test_reached_by_uses_of_what_is_reached():
    services = {
        "llm": {"uses": {"A": "asr"}},
        "asr": {"uses": {"T": "tts"}},
        "tts": {},
        "dataprep": {"uses": {"E": "embedding"}},
        "embedding": {},
        "lvm": {"beside": True, "uses": {"G": "guardrails"}},
        "guardrails": {},
    }
    assert len(application(services).services) == 7


@pytest.mark.parametrize("kind", ["llm", "agent", "docsum"])
def test_what_asks_a_server_elsewhere_is_deployed_itself(kind):
    spec = {"type": kind, "url": "https://example.com/v1", "replicas": 2, "files": {"/a": "b"}}
    assert application({"llm": spec}).services["llm"].replicas == 2


def test_a_server_of_nothing_but_its_kind_is_written_as_that():
    document = application({"llm": {"server": {"kind": "vllm"}}}).to_document()
    assert document["opea_micro_services"] == {"llm": {"type": "llm", "server": "vllm"}}
