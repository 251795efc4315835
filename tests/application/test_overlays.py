"""Files laid over each other, settings over them, and what set each value."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import ApplicationError, load_application
from opea_pulumi.application import config_keys, setting_paths, settings_in
from opea_pulumi.application._source import overlaid
from opea_pulumi.application._yaml import parse

BASE = """\
opea_app: chatqna
opea_micro_services:
  embedding: {model: small}
  llm:
    server: vllm
    environment: {LOG_LEVEL: debug, WORKERS: "2"}
opea_mega_service:
  mega_flow:
    - embedding >> llm
opea_deployment: {hardware: xeon}
"""


@pytest.fixture
def load(tmp_path):
    def call(*overlays, base=BASE):
        files = []
        for index, text in enumerate((base, *overlays)):
            files.append(tmp_path / f"{index}.yaml")
            files[-1].write_text(text)
        return load_application(files[0], overlays=files[1:])

    return call


def refused(call, *args):
    with pytest.raises(ApplicationError) as caught:
        call(*args)
    return caught.value


@pytest.mark.parametrize(
    ("overlay", "path", "value"),
    [
        ("opea_release: '1.1'", ("opea_release",), "1.1"),
        (
            "opea_micro_services: {llm: {environment: {WORKERS: '4'}}}",
            ("opea_micro_services", "llm", "environment"),
            {"LOG_LEVEL": "debug", "WORKERS": "4"},
        ),
        (
            "opea_micro_services: {llm: {environment: {WORKERS: }}}",
            ("opea_micro_services", "llm", "environment"),
            {"LOG_LEVEL": "debug"},
        ),
        ("opea_micro_services: {embedding: {model: ~}}", ("opea_micro_services", "embedding"), {}),
        (
            "opea_micro_services: {llm: {server: {replicas: 2}}}",
            ("opea_micro_services", "llm", "server"),
            {"kind": "vllm", "replicas": 2},
        ),
        (
            "opea_micro_services: {llm: {server: tgi}}",
            ("opea_micro_services", "llm", "server"),
            "tgi",
        ),
        (
            "{opea_micro_services: {tts: }, opea_mega_service: {mega_flow: [embedding >> llm >> tts]}}",
            ("opea_mega_service", "mega_flow"),
            ["embedding >> llm >> tts"],
        ),
        (
            "{opea_micro_services: {embedding: }, opea_mega_service: {mega_flow: [llm]}}",
            ("opea_micro_services",),
            {"llm": {"server": "vllm", "environment": {"LOG_LEVEL": "debug", "WORKERS": "2"}}},
        ),
        ("opea_deployment: {}", ("opea_deployment",), {"hardware": "xeon"}),
    ],
)
def test_what_an_overlay_does(load, overlay, path, value):
    data = load(overlay).source.data
    for key in path:
        data = data[key]
    assert data == value


def test_later_overlays_win(load):
    loaded = load("opea_release: '1.1'", "opea_release: '1.5'")
    assert loaded.application.release == "1.5"
    assert [path.name for path in loaded.overlays] == ["1.yaml", "2.yaml"]
    assert (loaded.path.name, loaded.name) == ("0.yaml", "chatqna")


def test_every_value_knows_its_file(load):
    loaded = load("opea_micro_services:\n  llm: {server: {replicas: 2}, model: large}\n")
    origins = {
        path: (place.file[-6:], place.line, place.column)
        for path in (
            "opea_app",
            "opea_micro_services.llm.server.kind",
            "opea_micro_services.llm.server.replicas",
            "opea_micro_services.llm.model",
            "opea_mega_service.mega_flow[0]",
        )
        if (place := loaded.origin(path))
    }
    assert origins == {
        "opea_app": ("0.yaml", 1, 1),
        "opea_micro_services.llm.server.kind": ("0.yaml", 5, 5),
        "opea_micro_services.llm.server.replicas": ("1.yaml", 2, 18),
        "opea_micro_services.llm.model": ("1.yaml", 2, 32),
        "opea_mega_service.mega_flow[0]": ("0.yaml", 9, 7),
    }
    assert loaded.origin("opea_release") is None
    assert loaded.origin("opea_micro_services.llm.server") is not None


@pytest.mark.parametrize(
    ("overlay", "code", "place"),
    [
        ("opea_apps: x", "unknown-key", "1.yaml:1:1"),
        ("\nopea_micro_services: {llm: {port: 0}}", "bad-value", "1.yaml:2:35"),
        ("opea_mega_service: {mega_flow: [embedding >> lllm]}", "unknown-service", "1.yaml:1:46"),
        ("opea_micro_services: {tts: {}}", "unreachable-service", "1.yaml:1:23"),
        ("opea_mega_service: {mega_flow: [llm]}", "unreachable-service", "0.yaml:3:3"),
        ("opea_micro_services: {embedding: }", "unknown-service", "0.yaml:9:7"),
        ("[opea_app]", "not-an-application", "1.yaml:1:1"),
        ("", "not-an-application", "1.yaml:1:1"),
        ("opea_app: ]", "bad-yaml", "1.yaml:1:11"),
    ],
)
def test_errors_are_in_the_file_that_is_wrong(load, overlay, code, place):
    error = refused(load, overlay)
    assert error.code == code
    assert str(error.location).partition(" ")[0].endswith(place)


def test_several_mistakes_are_in_the_order_of_the_files(load):
    error = refused(load, "opea_app: chat qna", "opea_release: 1.5")
    assert [item.location.path for item in (error, *error.also)] == ["opea_app", "opea_release"]


def test_no_such_overlay(tmp_path):
    (tmp_path / "opea.yaml").write_text(BASE)
    with pytest.raises(ApplicationError) as caught:
        load_application(tmp_path, overlays=[tmp_path / "missing.yaml"])
    assert caught.value.code == "no-application"


@pytest.mark.parametrize(
    ("settings", "origin", "path", "value"),
    [
        ({"hardware": "gaudi"}, "flag", "hardware", "gaudi"),
        ({"vectorStore": "qdrant"}, "config", "vector_store", "qdrant"),
        ({"vector-store": "qdrant"}, "flag", "vector_store", "qdrant"),
        ({"vector_store": "qdrant"}, "flag", "vector_store", "qdrant"),
        ({"ui": "true"}, "config", "ui", True),
        ({"offline": "false"}, "config", "offline", False),
        ({"labels": '{"team": "search"}'}, "config", "labels", {"team": "search"}),
        ({"namespace": ""}, "config", "namespace", None),
    ],
)
def test_settings(load, settings, origin, path, value):
    deployment = load().with_settings(settings, origin).application.deployment
    assert getattr(deployment, path) == value


def test_the_precedence(load):
    loaded = load("opea_deployment: {hardware: nvidia, namespace: files, vector_store: files}")
    loaded = loaded.with_settings({"hardware": "rocm", "namespace": "config"}, "config")
    loaded = loaded.with_settings({"hardware": "gaudi", "release": "1.1", "orchestrator": "gmc"}, "flag")
    assert (loaded.application.release, loaded.application.mega.orchestrator) == ("1.1", "gmc")
    assert loaded.application.deployment.hardware == "gaudi"
    origins = {key: str(loaded.origin(f"opea_deployment.{key}")) for key in ("hardware", "namespace")}
    assert origins == {
        "hardware": "flag --hardware (opea_deployment.hardware)",
        "namespace": "config opea:namespace (opea_deployment.namespace)",
    }
    assert "1.yaml" in str(loaded.origin("opea_deployment.vector_store"))


@pytest.mark.parametrize(
    ("settings", "origin", "said"),
    [
        ({"hardware": "tpu"}, "config", "config opea:hardware (opea_deployment.hardware): hardware must be "),
        ({"hardware": "tpu"}, "flag", "flag --hardware (opea_deployment.hardware): hardware must be "),
        (
            {"vector-store": "re@x://u:hunter2@y"},
            "flag",
            "flag --vector-store (opea_deployment.vector_store)",
        ),
        ({"ui": "maybe"}, "config", "config opea:ui (opea_deployment.ui): ui must be true or false"),
        (
            {"modelCache": "{size: 1 GB}"},
            "config",
            "config opea:modelCache (opea_deployment.model_cache.size)",
        ),
        ({"modelCache": "{size: ]}"}, "config", "config opea:modelCache:1:"),
        ({"orchestrator": "x"}, "flag", "flag --orchestrator (opea_mega_service.orchestrator): "),
        ({"hardwre": "xeon"}, "flag", "flag --hardwre: there is no such setting"),
    ],
)
def test_errors_of_settings_name_the_setting(load, settings, origin, said):
    error = refused(load().with_settings, settings, origin)
    assert str(error).startswith(said)
    assert "hunter2" not in str(error)


def test_an_unknown_setting_has_the_nearest_in_its_own_style(load):
    assert refused(load().with_settings, {"vectorStor": "x"}, "config").hint == "did you mean 'vectorStore'?"
    assert refused(load().with_settings, {"vector-stor": "x"}, "flag").hint == "did you mean 'vector-store'?"


def test_settings_of_a_configuration():
    config = {
        "opea:hardware": "xeon",
        "opea:llmApiKey": "[secret]",
        "opea:application": "x",
        "aws:region": "y",
    }
    assert settings_in(config) == {"hardware": "xeon"}
    assert "imageRegistry" in config_keys()
    assert len(config_keys()) == len(setting_paths()) >= 20


def test_errors_found_later_name_the_setting(load):
    loaded = load().with_settings({"hardware": "gaudi"}, "flag")
    assert str(loaded.source.find("opea_deployment.hardware")).startswith("flag --hardware")


KEYS = st.sampled_from(["a", "b", "server"])
TREES = st.recursive(
    st.integers(0, 3) | st.sampled_from(["x", "y"]) | st.none(),
    lambda inner: st.dictionaries(KEYS, inner, max_size=3) | st.lists(inner, max_size=2),
)
DOCUMENTS = st.dictionaries(KEYS, TREES, max_size=3)


def merged(below, above):
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    result = dict(below)
    for key, value in above.items():
        if value is None and key in result:
            del result[key]
            continue
        old = result.get(key)
        old = {"kind": old} if key == "server" and isinstance(old, str) and isinstance(value, dict) else old
        result[key] = merged(old, value) if key in result else value
    return result


@given(DOCUMENTS, DOCUMENTS)
def test_overlays_of_anything(below, above):
    first, second = parse(yaml.safe_dump(below), "first"), parse(yaml.safe_dump(above), "second")
    result = overlaid(first, second)
    assert result.data == merged(below, above)
    for path, value in result.values():
        place = result.location(path)
        assert place.line is not None
        source = first if place.file == "first" else second
        known = source.data
        for part in path:
            known = known[part] if isinstance(known, dict | list) else known
        assert known == value or not value, "unless everything in it was deleted"
    assert {path for path, _ in result.values()} <= set(result.marks)
    assert len(result.marks) == len({(), *result.marks})
