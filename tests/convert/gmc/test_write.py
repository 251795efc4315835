"""GMConnectors against files, the schema, the webhook's rules, and read back."""

import os
import random
from pathlib import Path

import jsonschema
import pytest
import yaml

from opea_pulumi.application import dump_application, parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.convert import convert
from opea_pulumi.convert.gmc import check_gmconnector, crd, from_gmc, to_gmc

HERE = Path(__file__).parent
CASES = {case.pop("name"): case for case in yaml.safe_load((HERE / "cases.yaml").read_text())}
DIALECTS = ["v1.1", "rfc"]
OPTIONS = ("text", "hardware", "release")

by_case = pytest.mark.parametrize("name", CASES)
by_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture
def blueprint(name, build):
    return build(**{key: CASES[name][key] for key in OPTIONS if key in CASES[name]})


def schema():
    return crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@by_case
@by_dialect
def test_golden(name, dialect, blueprint):
    file = HERE / "golden" / f"{name}.{dialect}.yaml"
    text = to_gmc(blueprint, dialect).text
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        file.write_text(text)
    assert text == file.read_text()


def test_there_is_no_golden_file_without_a_case():
    names = {f"{name}.{dialect}.yaml" for name in CASES for dialect in DIALECTS}
    assert {file.name for file in (HERE / "golden").iterdir()} == names


@by_case
@by_dialect
def test_losses(name, dialect, blueprint):
    case = CASES[name]
    expected = [*case.get("losses", []), *case.get(dialect, {}).get("losses", [])]
    assert sorted(str(loss) for loss in to_gmc(blueprint, dialect).losses) == sorted(expected)


@by_case
@by_dialect
def test_the_operator_accepts_it(name, dialect, blueprint, documents):
    connector, *others = documents(to_gmc(blueprint, dialect).text)
    jsonschema.validate(connector, strict(schema()))
    assert check_gmconnector(connector) == []
    assert connector["kind"] == "GMConnector"
    assert [other["kind"] for other in others] in ([], ["Namespace"], ["Secret"], ["Namespace", "Secret"])


def strict(part):
    """The schema without room for keys that it does not know, as strict field validation has it."""
    if not isinstance(part, dict):
        return part
    copy = {key: strict(value) for key, value in part.items()}
    if "properties" in copy and copy.get("type") == "object":
        copy.setdefault("additionalProperties", False)
    return copy


@by_case
@by_dialect
def test_magic_keys_name_downstream_steps_of_their_node(name, dialect, blueprint, documents):
    """Otherwise the operator fails for good, and without a word in the status (gmc.md 2.5)."""
    if dialect == "rfc":
        return
    magic = {"TEI_EMBEDDING_ENDPOINT", "TEI_RERANKING_ENDPOINT", "TGI_LLM_ENDPOINT", "REDIS_URL"}
    magic |= {"ASR_ENDPOINT", "TTS_ENDPOINT", "TEI_ENDPOINT"}
    for node in documents(to_gmc(blueprint, dialect).text)[0]["spec"]["nodes"].values():
        services = [step["internalService"] for step in node["steps"] if "internalService" in step]
        behind = {item["serviceName"] for item in services if item.get("isDownstreamService")}
        for item in services:
            assert {value for key, value in item.get("config", {}).items() if key in magic} <= behind


@by_case
def test_it_has_the_blueprints_services_and_edges(name, blueprint, documents):
    """Parity: every workload once, and who calls whom as the blueprint has it."""
    steps = [
        step["internalService"]
        for node in documents(to_gmc(blueprint).text)[0]["spec"]["nodes"].values()
        for step in node["steps"]
        if "internalService" in step
    ]
    workloads = {item.name: item for item in blueprint.workloads if item.role != "router"}
    assert sorted(step["serviceName"] for step in steps) == sorted(workloads)
    for step in steps:
        called = {
            value.removeprefix("http://").partition(":")[0]
            for value in step.get("config", {}).values()
            if value.removeprefix("http://").partition(":")[0] in workloads
        }
        assert called == set(workloads[step["serviceName"]].downstreams)


@by_case
@by_dialect
def test_servers_stand_behind_a_step_that_the_router_runs(name, dialect, blueprint, documents):
    """Before it, a step with $response gets an empty body (gmc.md 3.3); an ensemble calls them (3.6)."""
    for node in documents(to_gmc(blueprint, dialect).text)[0]["spec"]["nodes"].values():
        behind = [step.get("internalService", {}).get("isDownstreamService", False) for step in node["steps"]]
        assert not behind[0]
        assert node["routerType"] != "Ensemble" or not any(behind)


@by_case
@by_dialect
def test_it_reads_back(name, dialect, blueprint):
    """To an application that gives the same GMConnector again, byte for byte."""
    if CASES[name].get("reads_back") is False:
        return
    text = to_gmc(blueprint, dialect).text
    application, losses = from_gmc(text, file="gmc.yaml")
    assert list(losses) == []
    again = to_gmc(build_blueprint(application, name=application.name), dialect).text
    # the namespace's own labels are not the GMConnector's
    assert again.partition("kind: Namespace")[0] == text.partition("kind: Namespace")[0]


@by_case
@by_dialect
def test_what_is_read_back_is_valid_yaml(name, dialect, blueprint):
    application, _ = from_gmc(to_gmc(blueprint, dialect).text)
    assert parse_application(dump_application(application)) == application


def test_the_same_bytes_in_any_order(build):
    text = CASES["switch"]["text"]
    document = yaml.safe_load(text)
    shuffled = {**document, "opea_micro_services": {}}
    names = list(document["opea_micro_services"])
    random.Random(4).shuffle(names)
    for given in names:
        shuffled["opea_micro_services"][given] = document["opea_micro_services"][given]
    other = yaml.safe_dump(dict(reversed(shuffled.items())), sort_keys=False)
    assert convert(build(other), "gmc") == convert(build(text), "gmc")


def test_the_rfc_gives_its_own_sample(build, documents):
    """design.md 3, from rfc.txt: the eight steps with every name, key and value."""
    text = (HERE.parents[2] / "examples" / "rfc" / "opea.yaml").read_text()
    plain = build(text, name="rfc")
    sample = yaml.safe_load((HERE / "rfc_sample.yaml").read_text())
    for dialect in DIALECTS:
        steps = documents(to_gmc(plain, dialect).text)[0]["spec"]["nodes"]["root"]["steps"]
        expected = "Embedding TeiEmbedding Retriever VectorDB Reranking TeiReranking Llm Tgi"
        assert [step["name"] for step in steps] == expected.split()
        assert list(to_gmc(plain, dialect).losses) == []
    named = build(CASES["rfc"]["text"])
    assert documents(to_gmc(named, "rfc").text)[0] == sample
