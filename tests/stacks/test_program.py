"""The program of every stack, without an engine: configuration, errors and secrets."""

from pathlib import Path

import pulumi
import pytest
from mocked_pulumi import Hidden, run_program
from opea_pulumi.stacks.program import run

ROOT = Path(__file__).parents[2]
KEYS = ("OPEA_LLM_API_KEY", "OPENAI_API_KEY")
REMOTE = """
opea_app: chatqna
opea_micro_services:
  llm: {url: "https://api.example.com/v1", model: big}
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEA_HOME", str(tmp_path / "home"))
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


def start(root=ROOT, stack="local", secret=(), **config):
    values = {f"opea:{key}": value for key, value in config.items()}
    marked = tuple(f"opea:{key}" for key in secret)
    return run_program(lambda: run(root), stack=stack, config=values, secret=marked)


def write(folder, text, name="opea.yaml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def test_without_configuration_the_stack_is_the_target_and_the_example_runs():
    made = start()
    assert made.outputs["target"] == "local"
    assert made.outputs["profile"] == "embedded"
    assert made.outputs["application"] == str(ROOT / "examples/chatqna/opea.yaml")
    assert made.outputs["url"] == made.outputs["endpoints"]["router"] + "/v1/chatqna"
    assert set(made.outputs) == {"application", "endpoints", "profile", "target", "url"}
    assert "chatqna-router" in made.resources


def test_empty_values_count_as_none():
    """Pulumi.yaml's defaults are empty texts."""
    assert start(application="", target="", profile="").outputs["target"] == "local"


def test_a_relative_application_starts_at_the_root(tmp_path):
    write(tmp_path / "apps", "opea_app: chatqna\n", "wiki.yaml")
    made = start(root=tmp_path, stack="prod", target="local", application="apps/wiki.yaml")
    assert made.outputs["application"] == str(tmp_path / "apps/wiki.yaml")


def test_an_absolute_application_stays(tmp_path):
    path = write(tmp_path / "app", "opea_app: chatqna\n")
    assert start(root=Path("/nowhere"), application=str(path)).outputs["application"] == str(path)


def test_the_profile_of_the_configuration_goes_over_the_file(tmp_path):
    path = write(tmp_path / "app", "opea_app: chatqna\nopea_deployment: {profile: opea}\n")
    made = start(application=str(path), profile="embedded")
    assert made.outputs["profile"] == "embedded"


def test_overlays_and_settings_of_the_configuration(tmp_path):
    path = write(tmp_path / "app", "opea_app: chatqna\n")
    write(tmp_path / "app", "opea_mega_service: {endpoint: /v1/wiki}\n", "over.yaml")
    overlays = '["app/over.yaml"]'
    made = start(root=tmp_path, application=str(path), overlays=overlays, release="embedded", vectorStore="")
    assert made.outputs["url"].endswith("/v1/wiki")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"hardware": "tpu"}, ["config opea:hardware (opea_deployment.hardware): ", "[bad-value]"]),
        ({"release": "0.1"}, ["config opea:release (opea_release): ", "[unknown-release]"]),
        (
            {"profile": "opea"},
            ["local cannot deploy profile 'opea' [profile-target]", "it deploys embedded"],
        ),
        ({"target": "moon"}, ["no target is named 'moon'", "[unknown-target]", "one of docker, local"]),
        ({"application": "nowhere"}, [f"{ROOT}/nowhere", "[no-application]"]),
    ],
)
def test_wrong_configuration_is_one_clear_error(config, said):
    with pytest.raises(pulumi.RunError) as caught:
        start(**config)
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_a_stack_that_names_no_target():
    with pytest.raises(pulumi.RunError, match=r"no target is named 'prod'.*\n.*one of docker, local"):
        start(stack="prod")


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("opea_app: chatqna\nopea_mega: 1\n", ":2:1 (opea_mega)", "unknown-key"),
        (
            "opea_micro_services: {asr: {}, llm: {}}\nopea_mega_service: {mega_flow: [asr >> llm]}\n",
            ":1:23 (opea_micro_services.asr)",
            "no-such-service",
        ),
        (
            "opea_app: chatqna\nopea_deployment: {profile: opea}\n",
            ":2:19 (opea_deployment.profile): target local cannot deploy profile 'opea'",
            "profile-target",
        ),
    ],
)
def test_what_is_wrong_in_the_application_is_located(tmp_path, text, place, code):
    path = write(tmp_path / "app", text)
    with pytest.raises(pulumi.RunError) as caught:
        start(application=str(path))
    assert str(caught.value).startswith(f"{path}{place}")
    assert f"[{code}]" in str(caught.value)
    assert caught.value.__cause__ is None, "no traceback of ours below it"


@pytest.fixture
def remote(tmp_path):
    return str(write(tmp_path / "app", REMOTE))


def key_of(made):
    environment = made.resources["chatqna-llm"].inputs["environment"]
    assert isinstance(environment, Hidden)
    return environment.value.get("OPENAI_API_KEY")


def plain_texts(made):
    """Everything that would stand in the state unencrypted."""
    values = [value for one in made.resources.values() for value in one.inputs.values()]
    return str([value for value in (*values, *made.outputs.values()) if not isinstance(value, Hidden)])


@pytest.mark.parametrize(
    ("environment", "config", "expected"),
    [
        ({}, {}, None),
        ({"OPENAI_API_KEY": "canary-2"}, {}, "canary-2"),
        ({"OPENAI_API_KEY": "canary-2", "OPEA_LLM_API_KEY": "canary-1"}, {}, "canary-1"),
        ({"OPENAI_API_KEY": "canary-2", "OPEA_LLM_API_KEY": ""}, {}, "canary-2"),
        ({"OPENAI_API_KEY": "canary-2"}, {"llmApiKey": "canary-3"}, "canary-3"),
    ],
    ids=[
        "none",
        "environment",
        "our own variable first",
        "an empty one is none",
        "configuration first",
    ],
)
def test_where_a_secret_comes_from_and_that_it_is_marked(monkeypatch, remote, environment, config, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    made = start(application=remote, secret=tuple(config), **config)
    assert key_of(made) == expected
    assert "canary" not in plain_texts(made)


def test_a_secret_set_without_its_flag_is_marked_all_the_same(remote):
    made = start(application=remote, llmApiKey="canary")
    assert key_of(made) == "canary"
    assert "canary" not in plain_texts(made)


def test_an_application_without_secrets_takes_none_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    made = start()
    assert "canary" not in str(made)
