"""A router with keys and TLS in a cluster: Secrets as files, probes by HTTPS, one place where TLS ends."""

import pytest
from manifests import container_of, find, pod_of

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.convert.kubernetes import objects, to_kubernetes
from opea_pulumi.errors import BlueprintError
from opea_pulumi.terms import Profile


def built(deployment):
    text = f"opea_app: chatqna\nopea_deployment: {deployment}\n"
    return build_blueprint(parse_application(text), name="demo", profile=Profile.EMBEDDED)


def test_secrets_are_files_of_one_folder():
    text = "{auth: api_key, tls: true, secrets: {tls-key: {from: existing, name: mine, key: tls.key}}}"
    router = find(objects(built(text)), "Deployment", "router")
    container = container_of(router)
    paths = {row["name"]: row["value"] for row in container["env"]}
    assert paths["OPEA_ROUTER_TLS_KEY_FILE"] == "/run/secrets/opea/tls-key"
    mount = {"name": "secrets", "mountPath": "/run/secrets/opea", "readOnly": True}
    assert mount in container["volumeMounts"]
    (volume,) = [row for row in pod_of(router)["volumes"] if row["name"] == "secrets"]
    sources = {row["secret"]["items"][0]["path"]: row["secret"] for row in volume["projected"]["sources"]}
    items = [{"key": "value", "path": "router-keys"}]
    assert sources["router-keys"] == {"name": "router-keys", "items": items}
    assert sources["tls-key"] == {"name": "mine", "items": [{"key": "tls.key", "path": "tls-key"}]}
    assert volume["projected"]["defaultMode"] == 0o440


def test_probes_ask_by_https_and_the_port_says_so():
    made = objects(built("{tls: true, expose: load_balancer, monitoring: true}"))
    container = container_of(find(made, "Deployment", "router"))
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": 8888, "scheme": "HTTPS"}
    assert container["ports"][0]["name"] == "https"
    public = find(made, "Service", "demo-public")["spec"]["ports"]
    assert [(row["name"], row["port"]) for row in public] == [("https", 443)]
    scraped = find(made, "ServiceMonitor", "demo")["spec"]["endpoints"]
    assert [(row["port"], row.get("scheme")) for row in scraped] == [("http", None), ("https", "https")]


def test_an_ingress_speaks_tls_to_the_router():
    ingress = find(objects(built("{tls: true, expose: ingress}")), "Ingress", "demo-public")
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/backend-protocol"] == "HTTPS"
    assert "https://localhost:8888/" in to_kubernetes(built("{tls: true}")).text


def test_a_gateway_does_not():
    with pytest.raises(BlueprintError) as caught:
        objects(built("{tls: true, expose: gateway, host: chat.example.com}"))
    assert caught.value.code == "kubernetes-tls"
