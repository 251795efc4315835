"""Whatever goes in: the same text twice, a result or an error of ours, and no secret that was planted."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conversions import (
    ADDRESSES,
    CANARY,
    SECRET_KEYS,
    TEXTS,
    any_documents,
    bent,
    broken,
    converted,
    dumped,
    in_address,
    language_texts,
    read_back,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from opea_pulumi import load_application
from opea_pulumi.cli._main import run
from opea_pulumi.convert import FORMATS, SOURCES, blueprint_for

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
WRITTEN = {
    source: [
        path.read_text()
        for folder in (*sorted((ROOT / "examples").glob("*/expected")), HERE / source / "golden")
        for path in sorted(folder.glob(f"{source}.xeon.yaml" if folder.name == "expected" else "*.yaml"))
        if path.stat().st_size < 16_000
    ]
    for source in SOURCES
}
slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
few = settings(max_examples=20, deadline=None, suppress_health_check=slow)
more = settings(max_examples=60, deadline=None, suppress_health_check=slow)


# the same text


@given(language_texts())
@few
def test_a_conversion_is_the_same_twice(text):
    for to in FORMATS:
        assert converted(text, to) == converted(text, to)


IN_ANOTHER_PROCESS = """
import json, sys
from conversions import FORMATS, converted
print(json.dumps([converted(text, to).everything for text in json.load(sys.stdin) for to in FORMATS]))
"""


@given(st.lists(language_texts(), min_size=8, max_size=8))
@settings(few, max_examples=1, phases=[Phase.generate])
def test_a_conversion_is_the_same_in_another_process(drawn):
    texts = [*drawn, *(TEXTS[name] for name in ("chatqna", "chatqna-switch", "graphrag", "multimodalqna"))]
    path = os.pathsep.join(sys.path)
    results = [
        subprocess.run(
            [sys.executable, "-c", IN_ANOTHER_PROCESS],
            input=json.dumps(texts),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert results[0] == results[1]
    assert json.loads(results[0]) == [converted(text, to).everything for text in texts for to in FORMATS]


# a result or an error of ours: anything else passes through and fails


def wrong(texts):
    return st.one_of(bent(texts), broken(texts), st.text(max_size=40))


@given(wrong(list(TEXTS.values())), st.sampled_from(FORMATS))
@more
def test_any_text_is_converted_or_an_error_of_ours(text, to):
    outcome = converted(text, to)
    assert bool(outcome.text) != bool(outcome.error)


@pytest.mark.parametrize("source", SOURCES)
@given(st.data())
@more
def test_any_text_is_read_or_an_error_of_ours(source, data):
    outcome = read_back(data.draw(wrong(WRITTEN[source])), source)
    assert bool(outcome.text) != bool(outcome.error)
    if outcome.text:
        converted(outcome.text, data.draw(st.sampled_from(FORMATS)))


# no secret


def service_of(draw, document):
    """One of the document's services, and what it says."""
    described = document.setdefault("opea_micro_services", {"llm": {}})
    name = draw(st.sampled_from(list(described)))
    described[name] = described[name] or {}
    return name, described[name]


def in_environment(draw, document):
    _, service = service_of(draw, document)
    where = draw(st.sampled_from(["service", "server"]))
    if where == "server":
        kind = service.get("server")
        service["server"] = kind if isinstance(kind, dict) else {"kind": kind} if kind else {}
        service = service["server"]
    service["environment"] = {**(service.get("environment") or {}), draw(SECRET_KEYS): CANARY}


def in_arguments(draw, document):
    _, service = service_of(draw, document)
    words = draw(st.sampled_from([["--api-key", CANARY], [f"--api-key={CANARY}"], ["--hf-token", CANARY]]))
    service["server"] = {draw(st.sampled_from(["args", "command"])): words}


def in_patch(draw, document):
    name, _ = service_of(draw, document)
    key = draw(SECRET_KEYS).upper()
    kept = draw(st.sampled_from([{key: CANARY}, [f"{key}={CANARY}"], [{"name": key, "value": CANARY}]]))
    change = {"merge": {"environment": kept}}
    if draw(st.booleans()):
        change = {"json_patch": [{"op": "add", "path": f"/environment/{key}", "value": CANARY}]}
    patch = {"target": draw(st.sampled_from(FORMATS)), "workload": name, **change}
    document["patches"] = [*(document.get("patches") or []), patch]


def in_key(draw, document):
    """A whole assignment, or an address, where a name belongs."""
    _, service = service_of(draw, document)
    word = draw(st.one_of(ADDRESSES, SECRET_KEYS.map(lambda key: f"{key}={CANARY}")))
    draw(st.sampled_from([service, document, service.setdefault("secrets", {})]))[word] = "x"


planted = st.sampled_from([in_environment, in_arguments, in_patch, in_key, in_address])


@st.composite
def with_a_canary(draw):
    document = draw(any_documents())
    draw(planted)(draw, document)
    return dumped(document)


@given(with_a_canary())
@more
def test_no_canary_of_the_language_gets_through(text):
    for to in FORMATS:
        assert CANARY not in converted(text, to).everything


def in_written_environment(draw, document):
    """A secret-looking variable of a service of a compose file, or of a step of a GMConnector."""
    key = draw(SECRET_KEYS)
    if "services" in document:
        service = draw(st.sampled_from(list(document["services"].values())))
        service["environment"] = draw(st.sampled_from([{key: CANARY}, [f"{key}={CANARY}"]]))
        return
    nodes = document["spec"]["nodes"].values()
    steps = [step for node in nodes for step in node["steps"] if "internalService" in step]
    step = draw(st.sampled_from(steps))["internalService"]
    step["config"] = {**step.get("config", {}), key: CANARY}


@pytest.mark.parametrize("source", SOURCES)
@given(st.data())
@more
def test_no_canary_of_other_formats_gets_through(source, data):
    document = next(yaml.safe_load_all(data.draw(st.sampled_from(WRITTEN[source]))))
    data.draw(st.sampled_from([in_written_environment, in_address]))(data.draw, document)
    outcome = read_back(dumped(document), source)
    assert CANARY not in outcome.everything
    if outcome.text:
        assert CANARY not in converted(outcome.text, data.draw(st.sampled_from(FORMATS))).everything


def command(*words):
    """Everything that a run of the command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        run(words)
    return out.getvalue()


@given(with_a_canary(), st.sampled_from(FORMATS))
@few
def test_the_command_prints_no_canary(tmp_path_factory, text, to):
    file = tmp_path_factory.mktemp("app") / "opea.yaml"
    file.write_text(text)
    for words in (["validate", "--json"], ["convert", "--json", "--to", to], ["convert", "--to", to]):
        printed = command(words[0], str(file), *words[1:])
        assert printed
        assert CANARY not in printed


@pytest.mark.parametrize(
    "name", ["agentqna", "chatqna", "chatqna-pinecone", "chatqna-remote-llm", "searchqna"]
)
def test_no_secret_of_the_environment_is_written(name, tmp_path, monkeypatch):
    """The variables of every secret of an application, and the files that its compose file takes."""
    loaded = load_application(ROOT / "examples" / name)
    blueprint = blueprint_for(loaded.application, "compose", name=loaded.name, files=loaded.files)
    assert blueprint.secrets
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("OPEA_SECRETS", str(tmp_path / "secrets"))
    for secret in blueprint.secrets:
        (tmp_path / "secrets" / secret.name).write_text(CANARY)
        for variable in (*secret.environment, f"{secret.name}_file".upper()):
            monkeypatch.setenv(variable, CANARY)
    for to in FORMATS:
        printed = command("convert", str(ROOT / "examples" / name), "--to", to)
        assert printed
        assert CANARY not in printed
    assert CANARY not in command("validate", str(ROOT / "examples" / name), "--json", "--profile", "opea")
    assert CANARY not in command("config", "show", str(ROOT / "examples" / name), "--resolved", "--origin")
