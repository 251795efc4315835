"""Whatever the blueprint or the text: the same bytes, no secret, no loose end, and no error but ours."""

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opea_pulumi.convert.compose import from_compose, to_compose
from opea_pulumi.convert.compose._escape import escaped, unescaped
from opea_pulumi.errors import OpeaError

NAMES = ["a", "b", "c", "d"]
CANARY = "hf_canary"

texts = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)
values = st.one_of(
    st.builds(lambda text: {"kind": "literal", "value": text}, texts),
    st.just({"kind": "secret", "secret": "key"}),
    st.builds(lambda name: {"kind": "endpoint", "workload": name}, st.sampled_from(NAMES)),
    st.builds(
        lambda name: {
            "kind": "endpoint",
            "workload": name,
            "format": "x://:{secret}@{host}:{port}",
            "secret": "key",
        },
        st.sampled_from(NAMES),
    ),
)
subsets = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
exceptions = st.dictionaries(
    st.sampled_from(["root", "SYS_NICE", "host-ipc", "writable-root", "unconfined"]), texts, max_size=2
)


@st.composite
def workloads(draw):
    return {
        "role": draw(st.sampled_from(["microservice", "server", "store", "prefetch"])),
        "entrypoint": ["serve"],
        "http_client": draw(st.sampled_from(["python", "curl", "wget", "bash", ""])),
        "args": draw(st.lists(texts, max_size=3)),
        "environment": draw(st.dictionaries(st.sampled_from(["A", "B", "C"]), values)),
        "downstreams": draw(subsets),
        "after": draw(subsets),
        "egress": draw(st.sampled_from([[], ["hub"]])),
        "replicas": draw(st.integers(1, 3)),
        "mounts": draw(st.sampled_from([[], [{"volume": "v", "path": "/v"}]])),
        "security": {"user": draw(st.sampled_from([0, 1000])), "exceptions": draw(exceptions)},
    }


@given(st.lists(workloads(), min_size=4, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_any_blueprint(workload, blueprint, drawn):
    made = [workload(name, **changes) for name, changes in zip(NAMES, drawn, strict=True)]
    secret = {"name": "key", "config": "key", "environment": [], "purpose": "p"}
    volume = {"name": "v", "size": "1Gi", "purpose": "p"}
    whole = blueprint(*made, secrets=[secret], volumes=[volume])
    conversion = to_compose(whole)
    assert to_compose(whole.model_copy(deep=True)) == conversion
    document = yaml.safe_load(conversion.text)
    services = document["services"]
    assert set(services) - set(NAMES) <= {"volume-owner"}
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services) - {name}
        assert set(service.get("secrets", [])) <= set(document.get("secrets", {}))
        assert set(service.get("networks", [])) <= set(document["networks"])
    assert sum(len(service.get("ports", [])) for service in services.values()) == 1
    for name, changes in zip(NAMES, drawn, strict=True):
        assert unescaped(services[name].get("command", [])) == [
            arg.replace("{host}", "0.0.0.0").replace("{port}", "9000") for arg in changes["args"]
        ]
        for variable, value in changes["environment"].items():
            shown = services[name].get("environment", {}).get(variable)
            assert shown is None if "secret" in value else shown is not None


data = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)


@given(data)
@settings(deadline=None)
def test_escaping_has_a_way_back(value):
    assert unescaped(escaped(value)) == value


keys = ["command", "entrypoint", "environment", "ports", "extends", "deploy", "devices", "runtime"]
images = st.sampled_from(["opea/llm-textgen:1.5", "opea/dataprep", "opea/vllm-gaudi", "opea/chatqna:1.5"])
services = st.builds(
    lambda image, other: {"image": image, **other},
    st.one_of(images, texts),
    st.dictionaries(st.sampled_from(keys), data, max_size=3),
)


@given(
    st.one_of(
        data,
        st.builds(
            lambda found: {"services": found},
            st.dictionaries(st.one_of(texts, st.just("llm")), services, max_size=4),
        ),
    )
)
@settings(max_examples=300, deadline=None)
def test_any_document_is_an_application_or_an_error_of_ours(document):
    outcome = outcome_of(yaml.safe_dump(document))
    assert outcome.location if isinstance(outcome, OpeaError) else outcome[0].services


def outcome_of(text):
    try:
        return from_compose(text, "compose.yaml")
    except OpeaError as error:
        return error


@given(st.text(max_size=40))
@settings(deadline=None)
def test_any_text_is_an_application_or_an_error_of_ours(text):
    assert outcome_of(text)


places = st.sampled_from(
    [
        {"environment": {"HF_TOKEN": CANARY}},
        {"environment": [f"OPENAI_API_KEY={CANARY}"]},
        {"environment": {"NEO4J_PASSWORD": CANARY}},
        {"environment": {"SOME_URL": f"https://user:{CANARY}@example.com"}},
        {"environment": {"LLM_ENDPOINT": f"https://user:{CANARY}@api.example.com"}},
        {"command": f"--model x --api-key {CANARY}"},
        {"image": f"user:{CANARY}@registry.example.com/opea/llm-textgen:1.5"},
    ]
)


@given(places, st.sampled_from(["opea/llm-textgen:1.5", "opea/dataprep:1.5", "opea/vllm-gaudi:1.22.0"]))
@settings(deadline=None)
def test_no_canary_gets_through(place, image):
    document = {"services": {"one": {"image": image, **place}, "llm": {"image": "opea/llm-textgen:1.5"}}}
    outcome = outcome_of(yaml.safe_dump(document))
    assert CANARY not in (str(outcome) if isinstance(outcome, OpeaError) else repr(outcome))
