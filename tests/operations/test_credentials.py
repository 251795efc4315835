"""What docker login left: read, never shown."""

import json
from base64 import b64encode

import pytest

from opea_pulumi.errors import OperationError
from opea_pulumi.operations import docker_credentials

PAIR = b64encode(b"me:canary").decode()


@pytest.fixture
def docker(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("ghcr.io", "ghcr.io"),
        ("https://r.example:5000/v2/", "r.example:5000"),
    ],
)
def test_keys_of_registries(docker, key, registry):
    docker.write_text(json.dumps({"auths": {key: {"auth": PAIR}}}))
    credentials = docker_credentials()
    assert credentials.basic(registry) == f"Basic {PAIR}"
    assert credentials.basic("other.example") == ""
    assert PAIR not in repr(credentials)


@pytest.mark.parametrize("entry", [{}, None, {"auth": 1}, {"auth": "no base64"}, {"auth": "YQ=="}, []])
def test_entries_without_a_password(docker, entry):
    docker.write_text(json.dumps({"auths": {"ghcr.io": entry}}))
    assert docker_credentials().basic("ghcr.io") == ""


@pytest.mark.parametrize("text", [None, "{}", "[]", '{"auths": []}'])
def test_none(docker, text):
    if text is not None:
        docker.write_text(text)
    assert docker_credentials().by_registry == {}


def test_the_home_of_docker(tmp_path, monkeypatch):
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(json.dumps({"auths": {"ghcr.io": {"auth": PAIR}}}))
    assert docker_credentials().basic("ghcr.io") == f"Basic {PAIR}"


@pytest.mark.parametrize("text", [f'{{"auths": {{"x": {{"auth": "{PAIR}"', "\ud800"])
def test_a_broken_file(docker, text):
    docker.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(OperationError) as caught:
        docker_credentials()
    assert caught.value.code == "bad-docker-config"
    assert str(docker) in str(caught.value)
    assert PAIR not in str(caught.value)
