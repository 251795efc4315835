"""The account of a private registry, and what registries' refusals mean."""

import pytest

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.errors import OperationError
from opea_pulumi.images import account_of, registry_secrets
from opea_pulumi.images._transfer import _why
from opea_pulumi.terms import Profile

IMAGE = "r.example.com:5000/mirror/opea/llm-textgen:1.5"


def blueprint(registry):
    text = "opea_app: chatqna\n" + (f"opea_deployment: {{image_registry: {registry}}}\n" if registry else "")
    return build_blueprint(parse_application(text), name="demo", profile=Profile.EMBEDDED)


def test_the_account_is_for_its_registry_only():
    account = account_of(blueprint("r.example.com:5000/mirror/"), "me", "canary-pa55")
    assert account.of(IMAGE) == {"username": "me", "password": "canary-pa55"}
    assert account.of("opea/llm-textgen:1.5") is None
    assert account.of("r.example.com/opea/llm-textgen:1.5") is None
    assert "canary" not in repr(account)


@pytest.mark.parametrize(
    ("registry", "user", "password"), [("", "me", "x"), ("r.io", "", "x"), ("r.io", "me", "")]
)
def test_no_account(registry, user, password):
    assert account_of(blueprint(registry), user, password) is None


def test_where_the_account_comes_from():
    assert registry_secrets(blueprint("")) == ()
    found = {row.config: row.environment for row in registry_secrets(blueprint("r.example.com"))}
    assert found == {
        "registryUser": ("OPEA_REGISTRY_USER",),
        "registryPassword": ("OPEA_REGISTRY_PASSWORD",),
    }


@pytest.mark.parametrize(
    ("said", "own", "code", "hint"),
    [
        ("no basic auth credentials", False, "registry-denied", "docker login r.example.com:5000"),
        ("unauthorized: authentication required", True, "registry-denied", "refuses the account"),
        ("denied: requested access to the resource is denied", False, "registry-denied", "docker login"),
        (
            "manifest for x not found: manifest unknown",
            True,
            "no-such-image",
            "push it to r.example.com:5000",
        ),
        ("dial tcp: lookup r.example.com: no such host", False, "pull-failed", "can the engine reach"),
    ],
)
def test_why_a_pull_failed(said, own, code, hint):
    found = _why(
        OperationError(f"{IMAGE} cannot be pulled: {said}", code="pull-failed"), IMAGE, own_account=own
    )
    assert found[0] == code
    assert hint in found[1]
