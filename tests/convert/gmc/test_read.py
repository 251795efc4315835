"""GMConnectors back to the unified language: whole ones, wrong ones, and any text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.application import dump_application, parse_application
from opea_pulumi.convert import read
from opea_pulumi.convert.gmc import from_gmc
from opea_pulumi.errors import ApplicationError, OpeaError

HERE = Path(__file__).parent
BAD = yaml.safe_load((HERE / "bad.yaml").read_text())
CASES = yaml.safe_load((HERE / "read.yaml").read_text())
SAMPLE = (HERE / "rfc_sample.yaml").read_text()

by_case = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


def text_of(case):
    if "file" in case:
        return (HERE / case["file"]).read_text()
    if "nodes" in case:
        head = "apiVersion: gmc.opea.io/v1alpha3\nkind: GMConnector\nmetadata: {name: x}\n"
        router = "spec:\n  routerConfig: {name: router, serviceName: router-service}\n"
        return f"{head}{router}  nodes: {case['nodes']}\n"
    return case["text"]


@by_case
def test_read(case):
    application, losses = read(text_of(case), "gmc", file="gmc.yaml")
    assert application == parse_application(yaml.safe_dump(case["application"]))
    assert [str(loss) for loss in losses] == case.get("losses", [])


@by_case
def test_it_is_valid_yaml(case):
    application, _ = from_gmc(text_of(case))
    assert parse_application(dump_application(application)) == application


@pytest.mark.parametrize("case", BAD, ids=[case["name"] for case in BAD])
def test_bad(case):
    with pytest.raises(ApplicationError) as caught:
        from_gmc(text_of(case), file="gmc.yaml")
    error = caught.value
    assert error.location.file == "gmc.yaml"
    assert error.location.path == case.get("path", "")
    assert [error.location.line, error.location.column] == case["at"]
    assert error.code == case["code"]
    assert case["message"] in error.message
    assert error.hint == case.get("hint", error.hint)
    assert "hunter2" not in str(error)


def test_cases_are_named_once():
    for cases in (BAD, CASES):
        names = [case["name"] for case in cases]
        assert len(names) == len(set(names))


def test_carriage_returns_and_markers_with_a_comment():
    text = "--- # one\nkind: Namespace\n--- # two\n" + SAMPLE
    assert from_gmc(text.replace("\n", "\r\n")) == from_gmc(SAMPLE)


def test_many_documents_are_refused_where_they_get_too_many():
    with pytest.raises(ApplicationError) as caught:
        from_gmc("---\n" * 200, file="x")
    assert (caught.value.code, caught.value.location.line) == ("too-large", 101)


def test_deep_nodes_are_refused():
    nodes = {
        f"n{index}": {"routerType": "Sequence", "steps": [{"name": "Llm", "nodeName": f"n{index + 1}"}]}
        for index in range(60)
    }
    nodes["root"] = {"routerType": "Sequence", "steps": [{"name": "Llm", "nodeName": "n0"}]}
    nodes["n60"] = {"routerType": "Sequence"}
    document = yaml.safe_load(SAMPLE)
    document["spec"]["nodes"] = nodes
    with pytest.raises(ApplicationError) as caught:
        from_gmc(yaml.safe_dump(document))
    assert caught.value.code == "too-deep"


def test_secrets_do_not_come_along():
    canary = "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"
    document = yaml.safe_load(SAMPLE)
    for step in document["spec"]["nodes"]["root"]["steps"]:
        step["internalService"].setdefault("config", {})["HUGGINGFACEHUB_API_TOKEN"] = canary
        step["internalService"]["config"]["PROXY"] = f"http://me:{canary}@proxy:3128"
    application, losses = from_gmc(yaml.safe_dump(document))
    assert canary not in dump_application(application)
    assert canary not in "".join(str(loss) for loss in losses)
    assert len(losses) >= 8


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def planted(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = planted(value[path[0]], path[1:], new)
    return copy


VALID = [yaml.safe_load(text_of(case)) for case in CASES]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
def test_any_change_gives_an_application_or_an_error(data):
    document = data.draw(st.sampled_from(VALID))
    path = data.draw(st.sampled_from(list(places(document))))
    text = yaml.safe_dump(planted(document, path, data.draw(ANY)))
    try:
        application, _ = from_gmc(text)
    except OpeaError:
        return
    assert yaml.safe_load(dump_application(application))


@given(st.text(max_size=200))
def test_any_text_gives_an_error(text):
    with pytest.raises(OpeaError):
        from_gmc(text)
