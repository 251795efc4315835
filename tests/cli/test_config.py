"""config show, schema, and the files and flags that are laid over an application."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

BASE = """\
opea_app: chatqna
opea_micro_services:
  llm: {server: vllm, model: Qwen/Qwen2.5-0.5B-Instruct}
"""
PROD = """\
opea_micro_services:
  llm: {server: {replicas: 2}, model: null}
opea_deployment: {namespace: prod}
"""


@pytest.fixture
def files():
    Path("opea.yaml").write_text(BASE)
    Path("prod.yaml").write_text(PROD)


def test_the_document_of_this_directory(opea, files):
    assert yaml.safe_load(opea("config", "show").out) == yaml.safe_load(BASE)
    assert opea("config", "show", "--json").json == yaml.safe_load(BASE)


@pytest.mark.parametrize(
    "words", [("opea.yaml", "-f", "prod.yaml"), ("-f", "opea.yaml", "--file", "prod.yaml")]
)
def test_files_over_each_other(opea, files, words):
    shown = opea("config", "show", *words, "--hardware", "gaudi", "--json")
    assert shown.json == {
        "opea_app": "chatqna",
        "opea_micro_services": {"llm": {"server": {"kind": "vllm", "replicas": 2}}},
        "opea_deployment": {"namespace": "prod", "hardware": "gaudi"},
    }


def test_what_set_each_value(opea, files):
    shown = opea("config", "show", "-f", "opea.yaml", "-f", "prod.yaml", "--origin", "--hardware", "gaudi")
    rows = [line.split(maxsplit=2) for line in shown.out.splitlines()]
    assert rows == [
        ["KEY", "VALUE", "SET BY"],
        ["opea_app", "chatqna", "opea.yaml:1"],
        ["opea_micro_services.llm.server.kind", "vllm", "opea.yaml:3"],
        ["opea_micro_services.llm.server.replicas", "2", "prod.yaml:2"],
        ["opea_deployment.namespace", "prod", "prod.yaml:3"],
        ["opea_deployment.hardware", "gaudi", "flag --hardware"],
    ]


def test_what_the_catalogue_and_defaults_say(opea, files):
    shown = opea("config", "show", "--resolved", "--origin", "--json")
    defaults = {row["path"]: (row["value"], row["origin"]) for row in shown.json if ":" not in row["origin"]}
    assert defaults == {
        "opea_release": ("1.5", "default"),
        "opea_mega_service.orchestrator": ("router", "default"),
        "opea_deployment.profile": ("opea", "default"),
        "opea_deployment.hardware": ("xeon", "default"),
        "opea_deployment.vector_store": ("redis", "default"),
        "opea_deployment.namespace": ("chatqna", "default"),
    }
    document = opea("config", "show", "--resolved", "--json").json
    assert document["opea_deployment"]["vector_store"] == "redis"
    assert document["opea_micro_services"] == yaml.safe_load(BASE)["opea_micro_services"]


def test_resolved_follows_the_profile(opea, files):
    Path("opea.yaml").write_text("opea_app: chatqna\n")
    shown = opea("config", "show", "--resolved", "--origin", "--json", "--profile", "embedded")
    rows = {row["path"]: (row["value"], row["origin"]) for row in shown.json}
    assert rows["opea_release"] == ("embedded", "default")
    assert rows["opea_deployment.profile"] == ("embedded", "flag --profile")
    assert "opea_deployment.vector_store" not in rows


def test_the_configuration_of_a_stack(opea, world, files):
    config = {"opea:hardware": "nvidia", "opea:vectorStore": "milvus", "opea:llmApiKey": "canary-4711"}
    world.deploy("mine", config=config)
    shown = opea("config", "show", "--stack", "mine", "--origin", "--json", "--hardware", "gaudi")
    rows = {row["path"]: row["origin"] for row in shown.json}
    assert rows["opea_deployment.vector_store"] == "config opea:vectorStore"
    assert rows["opea_deployment.hardware"] == "flag --hardware"
    assert "canary" not in shown.out + shown.err


def test_wrong_settings_name_themselves(opea, world, files):
    said = opea("config", "show", "--hardware", "tpu").refused("bad-value")
    assert said.startswith("error: flag --hardware (opea_deployment.hardware): hardware must be ")
    world.deploy("mine", config={"opea:hardware": "tpu"})
    said = opea("config", "show", "--stack", "mine").refused("bad-value")
    assert "error: config opea:hardware (opea_deployment.hardware): " in said


@pytest.mark.parametrize(
    "secret", ["environment: {API_TOKEN: canary-4711}", "model: sk-canary4711canary4711canary"]
)
def test_secrets_are_never_shown(opea, secret):
    Path("opea.yaml").write_text(f"opea_app: chatqna\nopea_micro_services: {{llm: {{{secret}}}}}\n")
    for words in ((), ("--origin",), ("--json",), ("--resolved",)):
        shown = opea("config", "show", *words)
        shown.refused("secret-in-file")
        assert "canary" not in shown.out + shown.err


def test_validate_and_convert_take_files_and_flags(opea, files):
    Path("prod.yaml").write_text("opea_micro_services: {llm: {port: 0}}")
    said = opea("validate", "opea.yaml", "-f", "prod.yaml").refused("bad-value")
    assert said.startswith("error: prod.yaml:1:35 ")
    assert opea("convert", "-f", "opea.yaml", "-f", "prod.yaml", "--to", "compose").refused("bad-value")
    said = opea("validate", "chatqna", "--vector-store", "nowhere").refused("no-such-store")
    assert said.startswith("error: flag --vector-store (opea_deployment.vector_store): ")


def test_up_keeps_files_and_flags_with_the_stack(opea, world, app, tmp_path):
    over = tmp_path / "over.yaml"
    over.write_text("opea_mega_service: {endpoint: /v1/other}\n")
    world.created = {"outputs": {"url": "http://x"}}
    assert opea("up", str(app), "-f", str(over), "--namespace", "here", "--json").code == 0
    config = world.stacks["handbook-fake"].config
    assert json.loads(config["opea:overlays"]) == [str(over)]
    assert config["opea:namespace"] == "here"
    assert opea("up", "--json").code == 0, "the files are those of the last time"
    assert json.loads(config["opea:overlays"]) == [str(over)]
    assert opea("up", str(app), "--json").code == 0
    assert "opea:overlays" not in config


def test_the_schema(opea):
    schema = opea("schema").json
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(BASE))
    assert opea("schema", "--json").json == schema
