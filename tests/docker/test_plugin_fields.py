"""What the plugin takes for a change, and what replaces: the vendor's rules as cases."""

import inspect
import json
from pathlib import Path

import pulumi_docker
import pytest
import yaml
from docker_plugin.connection import ProviderError, account
from docker_plugin.container_body import body
from docker_plugin.fields import changes, go_duration, seconds, types, with_defaults
from docker_plugin.images import registry

CASES = yaml.safe_load((Path(__file__).parent / "changes.yaml").read_text())
SDK = {
    "docker:index/container:Container": pulumi_docker.Container,
    "docker:index/network:Network": pulumi_docker.Network,
    "docker:index/volume:Volume": pulumi_docker.Volume,
    "docker:index/remoteImage:RemoteImage": pulumi_docker.RemoteImage,
    "docker:index/tag:Tag": pulumi_docker.Tag,
}
LEFT_OUT = {"docker:index/volume:Volume": {"cluster"}}


@pytest.mark.parametrize("name", CASES)
def test_a_change_of_inputs(name):
    case = CASES[name]
    found = changes(types()[f"docker:index/{case['type']}"], case["state"], case["inputs"])
    assert (
        sorted(f"+{name}" if change.replaces else name for name, change in found.items()) == case["changed"]
    )


@pytest.mark.parametrize("token", SDK)
def test_the_inputs_are_those_of_the_sdk(token):
    parameters = set(inspect.signature(SDK[token]._internal_init).parameters)
    own = {snake(name) for name, fact in types()[token].properties.items() if not fact.output}
    assert parameters - {"self", "__self__", "resource_name", "opts", "__props__"} - own == LEFT_OUT.get(
        token, set()
    )
    assert own <= parameters


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def test_defaults_are_marked():
    of = types()["docker:index/container:Container"]
    checked = with_defaults(of, {"image": "i", "mustRun": False})
    assert checked["mustRun"] is False
    assert checked["waitTimeout"] == 60
    assert "waitTimeout" in checked["__defaults"]
    assert "mustRun" not in checked["__defaults"]


@pytest.mark.parametrize(
    ("text", "value"), [("0s", 0), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("1h0m1s", 3601), ("0", 0)]
)
def test_durations(text, value):
    assert seconds(text) == value
    assert seconds(go_duration(round(value * 1e9))) == value


@pytest.mark.parametrize(("value", "text"), [(90, "1m30s"), (3600, "1h0m0s"), (0.25, "250ms"), (5, "5s")])
def test_durations_as_go_prints_them(value, text):
    assert go_duration(round(value * 1e9)) == text


@pytest.mark.parametrize("text", ["5", "five", "5s!", "-1s"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="not a valid duration"):
        seconds(text)


@pytest.mark.parametrize(
    ("gpus", "asked"),
    [
        ("all", {"Count": -1, "DeviceIDs": []}),
        ("2", {"Count": 2, "DeviceIDs": []}),
        ("device=0,2", {"Count": 0, "DeviceIDs": ["0", "2"]}),
        ('"device=0"', {"Count": 0, "DeviceIDs": ["0"]}),
    ],
)
def test_gpus(gpus, asked):
    made = body({"image": "i", "gpus": gpus})["HostConfig"]["DeviceRequests"]
    assert made == [{"Driver": "", "Capabilities": [["gpu"]], "Options": {}, **asked}]


def test_device_requests():
    asked = {"count": -1, "capabilities": ["gpu"], "driver": "nvidia"}
    made = body({"image": "i", "deviceRequests": [asked]})["HostConfig"]["DeviceRequests"]
    assert made == [
        {"Driver": "nvidia", "Count": -1, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    ]


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("redis", "registry-1.docker.io"),
        ("opea/retriever:1.5", "registry-1.docker.io"),
        ("ghcr.io/huggingface/tei:1", "ghcr.io"),
        ("127.0.0.1:5000/x:1", "127.0.0.1:5000"),
        ("localhost/x", "localhost"),
    ],
)
def test_the_registry_of_a_name(name, host):
    assert registry(name) == host


def test_accounts_of_registries(tmp_path, monkeypatch):
    entry = {"address": "https://registry.own:5000"}
    given = account({**entry, "username": "me", "password": "hush"})
    assert given == {"username": "me", "password": "hush"}
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"registry.own:5000": {"auth": "eW91OndvcmQ="}}}))
    assert account({**entry, "configFile": str(file)}) == {"username": "you", "password": "word"}
    assert account({**entry, "configFileContent": file.read_text()}) == {
        "username": "you",
        "password": "word",
    }
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert account(entry) == {"username": "you", "password": "word"}
    assert account({"address": "other.own"}) == {}
    with pytest.raises(ProviderError, match="could not open config file"):
        account({**entry, "configFile": str(tmp_path / "none")})
