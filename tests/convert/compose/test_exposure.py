"""Where users come in, in a compose file: the published address, and a router with keys and TLS."""

import pytest
import yaml

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.convert.compose import from_compose, to_compose
from opea_pulumi.terms import Profile


def converted(deployment, port=""):
    text = f"opea_app: chatqna\nopea_deployment: {deployment}\n"
    application = parse_application(text + (f"opea_mega_service: {{port: {port}}}\n" if port else ""))
    blueprint = build_blueprint(application, name="demo", profile=Profile.EMBEDDED)
    return application, to_compose(blueprint, application)


@pytest.mark.parametrize(
    ("deployment", "port", "published", "url"),
    [
        ("{}", "", "127.0.0.1:8888:8888", "http://127.0.0.1:8888/"),
        ("{address: 127.0.0.1:9000}", "", "127.0.0.1:9000:8888", "http://127.0.0.1:9000/"),
        ("{address: 127.0.0.1:9000}", "7000", "127.0.0.1:9000:8888", "http://127.0.0.1:9000/"),
        ('{address: "[::1]"}', "7000", "[::1]:7000:8888", "http://[::1]:7000/"),
        ("{address: 0.0.0.0, insecure_public: true}", "", "0.0.0.0:8888:8888", "http://127.0.0.1:8888/"),
        (
            "{address: 0.0.0.0:443, auth: api_key, tls: true, host: chat.example.com}",
            "",
            "0.0.0.0:443:8888",
            "https://chat.example.com:443/",
        ),
    ],
)
def test_the_published_port(deployment, port, published, url):
    application, conversion = converted(deployment, port)
    services = yaml.safe_load(conversion.text)["services"]
    assert services["router"]["ports"] == [published]
    assert [name for name, service in services.items() if "ports" in service] == ["router"]
    assert f"# Use:   {url}" in conversion.text
    assert from_compose(conversion.text)[0] == application


def test_keys_and_certificate_are_secrets_that_the_router_reads_itself():
    _, conversion = converted("{auth: api_key, tls: true}")
    router = yaml.safe_load(conversion.text)["services"]["router"]
    names = ["router-keys", "tls-certificate", "tls-key"]
    assert router["secrets"] == names
    assert list(router["environment"].values()) == [f"/run/secrets/{name}" for name in names]
    assert router["entrypoint"][:2] == ["python", "-m"]
    (check,) = router["healthcheck"]["test"][3:]
    assert "https://127.0.0.1:8888/health" in check
    compile(check, "check", "exec")
    assert 'printf %s "$OPEA_TLS_KEY" > secrets/tls-key' in conversion.text
    assert not [loss for loss in conversion.losses if "auth" in loss.where]
