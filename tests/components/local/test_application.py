"""LocalApplication without an engine: what it registers, and with what."""

import json
import sys
from pathlib import Path

import pulumi
import pytest
from mocked_pulumi import PROCESS, Hidden, run_program
from opea_pulumi.components.local import LocalApplication

import opea_pulumi
from opea_pulumi.errors import ApplicationError, BlueprintError

ROOT = Path(__file__).parents[3]
EXAMPLE = str(ROOT / "examples/chatqna")
ADDRESS = ["--host", "127.0.0.1", "--port", "{port}"]
ORDER = ["embedding", "llm", "reranking", "retrieval", "dataprep", "router"]


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEA_HOME", str(tmp_path))
    return tmp_path


def deploy(secrets=None, **arguments):
    """Deploy as demo in stack s; ``secrets`` is a function, since outputs are made in a program only."""

    def program():
        application = LocalApplication("demo", arguments | ({"secrets": secrets()} if secrets else {}))
        for name in ("url", "endpoints", "directory"):
            pulumi.export(name, getattr(application, name))

    return run_program(program, stack="s")


def test_its_children_stand_below_it():
    made = deploy(application=EXAMPLE)
    assert set(made.resources) == {
        "opea-s",
        "demo",
        "demo-documents",
        *(f"demo-{name}" for name in ORDER),
    }
    assert made.resources["demo"].urn.endswith("opea:index:LocalApplication::demo")
    kind = "opea:index:LocalApplication$opea:index"
    for name in ORDER:
        assert made.resources[f"demo-{name}"].urn == f"urn:pulumi:s::opea::{kind}:Process::demo-{name}"
    assert made.resources["demo-documents"].urn == f"urn:pulumi:s::opea::{kind}:LocalVolume::demo-documents"


def test_a_process_has_its_command_folder_health_and_port(own_home):
    made = deploy(application=EXAMPLE)
    folder = own_home / "local" / "opea.s" / "demo"
    assert made.resources["demo-embedding"].inputs == {
        "command": [sys.executable, "-m", "opea_pulumi.embedded.embedding", *ADDRESS],
        "directory": str(folder / "embedding"),
        "environment": {"EMBEDDING_MODEL_ID": "wordllama-256"},
        "healthPath": "/v1/health_check",
        "startTimeout": 60,
        "preferredPort": 6000,
        "triggers": {"version": opea_pulumi.__version__},
    }
    directories = [one.inputs["directory"] for one in made.of_type(PROCESS).values()]
    assert len(set(directories)) == len(ORDER)


def test_environments_hold_the_endpoints_and_folders_of_the_others(own_home):
    made = deploy(application=EXAMPLE)
    volume = str(own_home / "local/opea.s/demo/volumes/documents")
    assert made.resources["demo-documents"].inputs == {"path": volume}
    environment = made.resources["demo-dataprep"].inputs["environment"]
    urls = made.outputs["endpoints"]
    assert environment == {
        "TEI_EMBEDDING_ENDPOINT": urls["embedding"],
        "VECTOR_STORE_PATH": volume,
        "INDEX_NAME": "rag-embedded",
    }
    assert made.resources["demo-retrieval"].inputs["environment"]["VECTOR_STORE_PATH"] == volume


def test_what_a_process_needs_starts_before_it():
    made = deploy(application=EXAMPLE)
    names = {one.urn: name for name, one in made.resources.items()}

    def needs(name):
        return {names[urn] for urn in made.resources[name].depends_on}

    assert needs("demo-embedding") == set()
    assert needs("demo-dataprep") == {"demo-embedding", "demo-documents"}
    assert needs("demo-router") >= {"demo-embedding", "demo-retrieval", "demo-reranking", "demo-llm"}


def test_the_router_gets_the_graph_with_real_addresses():
    made = deploy(application=EXAMPLE)
    command = made.resources["demo-router"].inputs["command"]
    assert command[:3] == [sys.executable, "-m", "opea_pulumi.router"]
    graph = json.loads(command[command.index("--graph-json") + 1])
    urls = made.outputs["endpoints"]
    steps = {step["name"]: step["serviceUrl"] for step in graph["spec"]["nodes"]["root"]["steps"]}
    assert steps == {
        "embedding": f"{urls['embedding']}/v1/embeddings",
        "retrieval": f"{urls['retrieval']}/v1/retrieval",
        "reranking": f"{urls['reranking']}/v1/reranking",
        "llm": f"{urls['llm']}/v1/chat/completions",
        "dataprep": f"{urls['dataprep']}/v1/dataprep/ingest",
    }
    assert graph["spec"]["routerConfig"]["config"]["mode"] == "aligned"


def test_outputs(own_home):
    made = deploy(application=EXAMPLE)
    assert set(made.outputs["endpoints"]) == set(ORDER)
    assert made.outputs["url"] == made.outputs["endpoints"]["router"] + "/v1/chatqna"
    assert made.outputs["directory"] == str(own_home / "local/opea.s/demo")


def test_another_folder(tmp_path):
    made = deploy(application=EXAMPLE, directory=str(tmp_path / "elsewhere"))
    assert made.outputs["directory"] == str(tmp_path / "elsewhere")
    assert made.resources["demo-llm"].inputs["directory"] == str(tmp_path / "elsewhere/llm")


def test_a_definition_gives_what_the_file_gives():
    text = (ROOT / "examples/chatqna/opea.yaml").read_text()
    first, second = deploy(definition=text), deploy(application=EXAMPLE)
    assert first.of_type(PROCESS) == second.of_type(PROCESS)
    assert first.outputs == second.outputs


REMOTE = """
opea_app: chatqna
opea_micro_services:
  llm: {url: "https://api.example.com/v1", model: big}
opea_mega_service:
  port: 18888
"""


def test_a_port_that_was_asked_for_is_no_preference():
    inputs = deploy(definition=REMOTE).resources["demo-router"].inputs
    assert inputs["port"] == 18888
    assert "preferredPort" not in inputs


def test_secrets_are_marked_and_reach_only_who_needs_them():
    made = deploy(definition=REMOTE, secrets=lambda: {"llm-api-key": pulumi.Output.secret("canary")})
    environment = made.resources["demo-llm"].inputs["environment"]
    assert isinstance(environment, Hidden)
    assert environment.value == {
        "LLM_MODEL_ID": "big",
        "LLM_ENDPOINT": "https://api.example.com",  # OPEA's form; the service takes both
        "OPENAI_API_KEY": "canary",
    }
    for name in set(ORDER) - {"llm"}:
        assert "canary" not in str(made.resources[f"demo-{name}"].inputs)
    assert "canary" not in str(made.resources["demo-llm"].inputs["command"])
    assert "canary" not in str(made.outputs)


def test_a_secret_given_in_plain_is_marked_all_the_same():
    made = deploy(definition=REMOTE, secrets=lambda: {"llm-api-key": "canary"})
    plain = [value for one in made.resources.values() for value in one.inputs.values()]
    assert "canary" not in str([value for value in plain if not isinstance(value, Hidden)])
    assert made.resources["demo-llm"].inputs["environment"].value["OPENAI_API_KEY"] == "canary"


def test_a_secret_without_a_value_is_left_out():
    for given in ({}, {"llm-api-key": ""}):
        environment = (
            deploy(definition=REMOTE, secrets=given.copy).resources["demo-llm"].inputs["environment"]
        )
        assert set(environment.value) == {"LLM_MODEL_ID", "LLM_ENDPOINT"}


@pytest.mark.parametrize("arguments", [{}, {"application": EXAMPLE, "definition": "opea_app: chatqna"}])
def test_either_an_application_or_a_definition(arguments):
    with pytest.raises(pulumi.InputPropertyError, match="exactly one of application and definition"):
        deploy(**arguments)


def test_what_is_wrong_in_a_definition_is_located():
    with pytest.raises(ApplicationError) as caught:
        deploy(definition="opea_app: chatqna\nopea_mega: {}\n")
    assert str(caught.value.location).startswith("definition:2:1")
    with pytest.raises(BlueprintError) as caught:
        deploy(
            definition="opea_micro_services: {asr: {}, llm: {}}\n"
            "opea_mega_service: {mega_flow: [asr >> llm]}\n"
        )
    assert caught.value.location.path == "opea_micro_services.asr"


def test_one_name_may_stand_in_two_stacks():
    """Their folders differ, so their data do."""

    def folder(stack):
        def program():
            pulumi.export("directory", LocalApplication("demo", {"application": EXAMPLE}).directory)

        return run_program(program, stack=stack).outputs["directory"]

    assert folder("one") != folder("two")
