"""Wrong documents, as data: each gives one located error and never shows a value that may be a secret."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import ApplicationError, parse_application

FILES = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
CASES = [case for file in FILES for case in yaml.safe_load(file.read_text())]


def text_of(case):
    if "bytes" in case:
        return bytes.fromhex(case["bytes"])
    if "text" in case:
        return case["text"]
    return "".join(text.replace("%", str(index)) for text, times in case["parts"] for index in range(times))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_bad_input(case):
    with pytest.raises(ApplicationError) as caught:
        parse_application(text_of(case), file="opea.yaml")
    error = caught.value
    assert error.location.file == "opea.yaml"
    assert [error.location.line, error.location.column] == case["at"]
    assert error.location.path == case.get("path", "")
    assert error.code == case["code"]
    assert case["message"] in error.message
    assert error.hint == case.get("hint", error.hint if error.code == "bad-yaml" else "")
    assert [also.location.path for also in error.also] == case.get("also", [])
    assert error.__suppress_context__ or error.__context__ is None
    assert "hunter2" not in str(error)


def test_cases_are_named_once():
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names)) >= 30


CANARIES = ["hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "sk-proj-4f9a8b7c", "xK9-mQ2_vB7", "ghp_a1b2c3d4e5f6g7h8"]
VALID = {
    "opea_app": "chatqna",
    "opea_release": "1.5",
    "opea_micro_services": {
        "embedding": {"endpoint": "/v1/embeddings", "port": 6000},
        "llm": {
            "type": "llm",
            "model": "m",
            "hardware": "xeon",
            "image": "i",
            "url": "https://example.com/v1",
            "environment": {"LOG_LEVEL": "debug"},
        },
        "llm-2": {
            "server": {"kind": "vllm", "args": ["--dtype"], "environment": {"A": "b"}, "replicas": 2},
            "resources": {"cpu": "4", "accelerators": 1},
            "autoscaling": {"min": 1, "max": 2},
            "uses": {"EMBEDDING_URL": "embedding"},
            "condition": "model-id==large",
            "dependency": "Hard",
        },
        "asr": {"beside": True},
    },
    "opea_mega_service": {
        "port": 8080,
        "endpoint": "/v1/chatqna",
        "orchestrator": "router",
        "mega_flow": ["embedding >> choice"],
        "nodes": {"choice": {"kind": "Switch", "steps": [{"name": "llm", "condition": "a"}, "llm-2"]}},
    },
    "opea_deployment": {
        "profile": "opea",
        "hardware": "xeon",
        "vector_store": "redis",
        "model_cache": {"size": "100Gi"},
        "proxy": {"http": "http://proxy:3128"},
        "labels": {"team": "search"},
        "ui": True,
        "secrets": {"hf-token": {"from": "existing", "name": "s"}},
    },
    "patches": [{"target": "kubernetes", "merge": {"spec": {"replicas": 2}}}],
}


def places(value, path=()):
    """Every value of a document, mappings and lists included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def planted(value, path, canary):
    if not path:
        return canary
    copy = value.copy()
    copy[path[0]] = planted(value[path[0]], path[1:], canary)
    return copy


def message_of(document):
    """The error's text; empty when the document is valid."""
    try:
        parse_application(document if isinstance(document, str) else yaml.safe_dump(document))
    except ApplicationError as error:
        return f"{error} {error.to_dict()}"
    return ""


def test_the_valid_document_is_valid():
    assert message_of(VALID) == ""


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "form", ["{}", "[{}]", "{{x: {}}}", "!{}", "*{}", "!!int {}", "!!bool {}", "'{}", "x: {}"]
)
def test_a_secret_in_a_wrong_place_is_never_shown(canary, form):
    refused = 0
    for path in places(VALID):
        document = yaml.safe_dump(planted(VALID, path, "PLACE"))
        message = message_of(document.replace("PLACE", form.format(canary)))
        assert canary not in message
        refused += bool(message)
    # as plain text it is a valid model, server, image, vector store, release and so on
    assert refused >= (7 if form == "{}" else 15)


@pytest.mark.parametrize("canary", CANARIES)
def test_a_secret_under_an_unknown_key_is_never_shown(canary):
    for path in places(VALID):
        inner = VALID
        for part in path:
            inner = inner[part]
        if isinstance(inner, dict) and "merge" not in path:  # a patch has the keys of what it changes
            for extra in (
                {"unknown key": canary},
                {f"TOKEN={canary}": "x"},
                {"unknown": {"inner": [canary]}},
            ):
                message = message_of(planted(VALID, path, {**inner, **extra}))
                assert message
                assert canary not in message


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_is_an_application_or_one_error(text):
    check_any(text)


@given(
    st.lists(
        st.sampled_from([*"[]{}&*!|>-?:,#%@\"' \n\tax0", "opea_micro_services: ", "---\n", "&a ", "*a "])
    )
)
def test_any_yaml_is_an_application_or_one_error(pieces):
    check_any("".join(pieces))


def check_any(text):
    found = None
    try:
        parse_application(text, file="f")
    except ApplicationError as error:
        found = error
    if found is not None:
        assert found.location.file == "f"
        assert found.location.line >= 1
        assert found.location.column >= 1
        assert found.code
        assert found.message


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.binary(max_size=4)
)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.data())
def test_any_value_in_any_place_is_taken_or_one_error(data):
    path = data.draw(st.sampled_from(list(places(VALID))))
    check_any(yaml.dump(planted(VALID, path, data.draw(DATA))))


@pytest.mark.parametrize("depth", [10, 31, 33, 1000, 100_000])
@pytest.mark.parametrize("left", ["[", "{a: ", "- ", "? "])
def test_any_depth(left, depth):
    check_any("opea_app: " + left * depth if left in "[{a: " else left * depth)
