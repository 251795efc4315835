"""Asking a registry: a real little one on loopback, with and without authentication, and broken ones."""

import socket

import pytest
from registry_server import MANIFEST, Registry, basic, digest_of, garbage, hangs, serving, status

from opea_pulumi.errors import BlueprintError, OperationError
from opea_pulumi.operations import Credentials, ask_registries

PASSWORD = "canary-pa55"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def registry():
    with serving(Registry({"opea/llm:1.5": MANIFEST})) as registry:
        yield registry


def ask(registry, image="opea/llm:1.5", *, timeout=10.0, credentials=None):
    [answer] = ask_registries(
        [f"{registry.host}/{image}"],
        insecure=[registry.host],
        timeout=timeout,
        credentials=Credentials(credentials or {}),
    )
    assert answer.image == f"{registry.host}/{image}"
    assert bool(answer.digest) == (answer.state == "resolved")
    assert bool(answer.detail) != bool(answer.digest)
    assert PASSWORD not in repr(answer)
    return answer


def pair(user, password=PASSWORD):
    return basic(user, password).removeprefix("Basic ")


def test_the_digest_by_head(registry):
    assert ask(registry).digest == digest_of()
    assert registry.asked == [("HEAD", "/v2/opea/llm/manifests/1.5")]


def test_an_image_at_a_digest_is_asked_for_by_it(registry):
    registry.images[f"opea/llm:{digest_of()}"] = MANIFEST
    assert ask(registry, f"opea/llm:1.5@{digest_of()}").digest == digest_of()
    assert registry.asked == [("HEAD", f"/v2/opea/llm/manifests/{digest_of()}")]


@pytest.mark.parametrize("quirk", ["names_digests", "knows_head"])
def test_a_registry_that_does_not_name_digests(registry, quirk):
    setattr(registry, quirk, False)
    assert ask(registry).digest == digest_of()
    assert [method for method, _ in registry.asked] == ["HEAD", "GET"]


def test_what_is_hashed_must_be_a_manifest(registry):
    registry.names_digests = False
    for wrong in (b"<html>", b"[1]", b"\xff"):
        registry.images["opea/llm:1.5"] = wrong
        assert ask(registry).state == "no-answer"


def test_not_found(registry):
    assert ask(registry, "opea/llm:1.6").state == "not-found"
    assert ask(registry, "opea/lm").state == "not-found"


@pytest.mark.parametrize("key", ["token", "access_token"])
def test_an_anonymous_token(registry, key):
    registry.auth = "token"
    registry.token_answer = f'{{"{key}": "t0ken"}}'.encode()
    assert ask(registry).digest == digest_of()
    assert registry.scopes == ["repository:opea/llm:pull"]
    assert registry.authorizations == [""]
    assert ask(registry, "opea/none").state == "not-found"


def test_a_token_for_an_account(registry):
    registry.auth, registry.account = "token", basic("me", PASSWORD)
    refused = ask(registry)
    assert refused.state == "unauthorized"
    assert "docker login" in refused.detail
    assert ask(registry, credentials={"elsewhere.example": pair("me")}).state == "unauthorized"
    assert registry.authorizations == ["", ""], "credentials go to their own registry only"
    assert ask(registry, credentials={registry.host: pair("me")}).digest == digest_of()
    assert ask(registry, credentials={registry.host: pair("other")}).state == "unauthorized"


def test_basic_authentication(registry):
    registry.auth, registry.account = "basic", basic("me", PASSWORD)
    assert ask(registry).state == "unauthorized"
    assert ask(registry, credentials={registry.host: pair("me")}).digest == digest_of()
    assert ask(registry, credentials={registry.host: pair("other")}).state == "unauthorized"


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\nb"}', b"\xff", b"x" * 100_000]
)
def test_a_token_that_is_none(registry, answer):
    registry.auth, registry.token_answer = "token", answer
    assert ask(registry).state == "no-answer"


@pytest.mark.parametrize("realm", ["ftp://x/", "http://", "nonsense", "http://x:99999999/"])
def test_a_realm_that_is_none(registry, realm):
    registry.auth, registry.realm = "token", realm
    assert ask(registry).state == "no-answer"


def test_credentials_are_not_sent_without_tls():
    """A registry that is asked by https must name a realm by https."""
    from opea_pulumi.operations._registry import _Client, _RefusedError

    client = _Client(frozenset(), Credentials({"r.example": pair("me")}), 1)
    token = client._token(None, "r.example", "a", {"realm": "http://r.example/token"}, "Basic x")
    with pytest.raises(_RefusedError, match="not https"):
        token.send(None)


@pytest.mark.parametrize(
    ("quirk", "state", "said"),
    [
        (hangs, "no-answer", "no answer in 0.3 s"),
        (garbage, "no-answer", "not a registry's"),
        (status(500), "no-answer", "it answered 500"),
        (status(429), "no-answer", "too many requests"),
        (status(403), "unauthorized", "docker login"),
        (status(401), "unauthorized", "docker login"),
        (status(401, {"WWW-Authenticate": "Negotiate"}), "unauthorized", "docker login"),
        (status(302, {"Location": "/v2/odd/manifests/1"}), "no-answer", "not a registry's"),
        (status(200, {"Docker-Content-Digest": "sha256:1"}), "no-answer", "not a registry's"),
    ],
)
def test_registries_that_are_odd(registry, quirk, state, said):
    registry.quirks["odd"] = quirk
    answer = ask(registry, "odd:1", timeout=0.3 if quirk is hangs else 10)
    assert answer.state == state
    assert said in answer.detail


def test_a_redirect_is_followed(registry):
    registry.quirks["old"] = status(307, {"Location": "/v2/opea/llm/manifests/1.5"})
    assert ask(registry, "old").digest == digest_of()


def test_nothing_listens_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        [answer] = ask_registries([f"{host}/a:1"], insecure=[host])
    assert answer.state == "no-answer"


def test_plain_http_only_where_it_was_said(registry):
    [answer] = ask_registries([f"{registry.host}/opea/llm:1.5"])
    assert answer.state == "no-answer"
    assert registry.asked == []


def test_docker_hub_has_its_own_host():
    from opea_pulumi.operations._registry import _Client

    client = _Client(frozenset({"a:1"}), Credentials({}), 1)
    assert client._base("docker.io") == "https://registry-1.docker.io"
    assert (client._base("quay.io"), client._base("a:1")) == ("https://quay.io", "http://a:1")


def test_many_images_some_at_once_in_their_order(registry):
    registry.every = True
    images = [f"{registry.host}/many/{number}:1" for number in range(60)]
    answers = ask_registries([*images, f"{registry.host}/many/0:1"], insecure=[registry.host])
    assert [answer.image for answer in answers[:60]] == images
    assert {answer.state for answer in answers} == {"resolved"}
    assert registry.busiest <= 8


def test_one_that_hangs_keeps_no_other_back(registry):
    registry.quirks["odd"] = hangs
    images = [f"{registry.host}/odd:1", f"{registry.host}/opea/llm:1.5"]
    answers = ask_registries(images, insecure=[registry.host], timeout=0.5)
    assert [answer.state for answer in answers] == ["no-answer", "resolved"]


def test_no_image_reference():
    with pytest.raises(BlueprintError) as caught:
        ask_registries([f"https://me:{PASSWORD}@r.example/a"])
    assert caught.value.code == "bad-image"
    assert PASSWORD not in str(caught.value)


def test_a_proxy_that_is_none(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"nonsense://me:{PASSWORD}@h:1")
    with pytest.raises(OperationError) as caught:
        ask_registries(["a:1"])
    assert caught.value.code == "bad-proxy"
    assert PASSWORD not in str(caught.value)
