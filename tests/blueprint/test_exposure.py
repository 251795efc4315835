"""Who is let in: what the blueprint says of keys, TLS and the address, case by case."""

import pytest

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import SecretFileValue, build_blueprint, insecure, refuse_exposure
from opea_pulumi.errors import BlueprintError
from opea_pulumi.terms import Profile


def built(deployment, profile=Profile.EMBEDDED):
    text = f"opea_app: chatqna\nopea_deployment: {deployment}\n"
    return build_blueprint(parse_application(text), name="demo", profile=profile)


@pytest.mark.parametrize(
    ("deployment", "address", "port", "public", "url"),
    [
        ("{}", "127.0.0.1", None, False, "http://127.0.0.1"),
        ("{address: localhost}", "127.0.0.1", None, False, "http://127.0.0.1"),
        ("{address: 127.8.0.1:9000}", "127.8.0.1", 9000, False, "http://127.8.0.1"),
        ('{address: "::1"}', "::1", None, False, "http://[::1]"),
        ('{address: "[0:0::1]:90"}', "::1", 90, False, "http://[::1]"),
        ("{address: 0.0.0.0, insecure_public: true}", "0.0.0.0", None, True, "http://127.0.0.1"),
        ('{address: "::", insecure_public: true}', "::", None, True, "http://[::1]"),
        ("{address: 10.0.0.7, insecure_public: true}", "10.0.0.7", None, True, "http://10.0.0.7"),
        ("{address: 0.0.0.0:443, auth: api_key, tls: true}", "0.0.0.0", 443, True, "https://127.0.0.1"),
        (
            "{address: 0.0.0.0, auth: api_key, tls: true, host: chat.example.com}",
            "0.0.0.0",
            None,
            True,
            "https://chat.example.com",
        ),
    ],
)
def test_where_it_listens_and_how_users_call_it(deployment, address, port, public, url):
    blueprint = built(deployment)
    exposure = blueprint.settings.exposure
    assert (exposure.address, exposure.port, exposure.is_public) == (address, port, public)
    assert f"{exposure.scheme}://{exposure.reached}" == url
    assert blueprint.workload("router").port.requested == port
    assert bool(insecure(exposure)) == (public and "tls: true" not in deployment)


def test_the_router_gets_keys_and_certificate_as_files():
    blueprint = built("{auth: api_key, tls: true}")
    router = blueprint.workload("router")
    assert router.environment == {
        "OPEA_ROUTER_API_KEYS_FILE": SecretFileValue(secret="router-keys"),
        "OPEA_ROUTER_TLS_CERTIFICATE_FILE": SecretFileValue(secret="tls-certificate"),
        "OPEA_ROUTER_TLS_KEY_FILE": SecretFileValue(secret="tls-key"),
    }
    assert router.health.tls
    named = {secret.name: (secret.config, secret.environment) for secret in blueprint.secrets}
    assert named == {
        "router-keys": ("routerKeys", ("OPEA_ROUTER_KEYS",)),
        "tls-certificate": ("tlsCertificate", ("OPEA_TLS_CERTIFICATE",)),
        "tls-key": ("tlsKey", ("OPEA_TLS_KEY",)),
    }


def test_without_them_it_gets_none():
    router = built("{}").workload("router")
    assert router.environment == {}
    assert not router.health.tls


@pytest.mark.parametrize(
    ("deployment", "place"),
    [
        ("{auth: api_key}", "opea_deployment.auth"),
        ("{auth: oidc}", "opea_deployment.auth"),
        ("{tls: true}", "opea_deployment.tls"),
        ("{address: 0.0.0.0, insecure_public: true}", "opea_deployment.address"),
        ('{address: "::1"}', "opea_deployment.address"),
    ],
)
def test_a_target_without_doors_refuses_what_it_cannot_do(deployment, place):
    with pytest.raises(BlueprintError) as caught:
        refuse_exposure(built(deployment).settings.exposure, "local")
    assert caught.value.code == "target-exposure"
    assert str(caught.value.location) == place
    refuse_exposure(built("{address: 127.0.0.1:9000}").settings.exposure, "local")
