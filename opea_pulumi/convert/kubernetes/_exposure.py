"""How users outside of the cluster reach the application: only if ``opea_deployment.expose`` says so."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._index import index
from ._names import Object, derived, metadata, selector

_HTTP, _HTTPS = 80, 443
_PATIENT = {  # a model may think for long, and its words come one by one
    "nginx.ingress.kubernetes.io/proxy-buffering": "off",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
}


def public_workload(blueprint: Blueprint) -> Workload:
    """The workload that users talk to: the user interface's gateway, else what runs the flow."""
    return index(blueprint).workloads[blueprint.ui or blueprint.route.workload]


def exposure(blueprint: Blueprint) -> list[Object]:
    """The objects of the application's exposure."""
    kind = blueprint.settings.exposure.kind
    if kind == "load_balancer":
        return [_load_balancer(blueprint)]
    if kind == "ingress":
        return [_ingress(blueprint)]
    return [_gateway(blueprint), _http_route(blueprint)] if kind == "gateway" else []


def tls_secret(blueprint: Blueprint) -> str:
    """The name of the Secret with the certificate; empty where none is used."""
    exposed = blueprint.settings.exposure
    return derived(blueprint.name, "-tls") if exposed.kind in {"ingress", "gateway"} and exposed.host else ""


def public_name(blueprint: Blueprint) -> str:
    """The name of the object that users come in by."""
    return derived(blueprint.name, "-public")


def _load_balancer(blueprint: Blueprint) -> Object:
    public = public_workload(blueprint)
    tls = blueprint.settings.exposure.tls
    number = _HTTPS if tls else _HTTP
    port = {"name": "https" if tls else "http", "port": number, "targetPort": public.port.number}
    port["protocol"] = "TCP"
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(blueprint, public_name(blueprint), public),
        "spec": {"type": "LoadBalancer", "selector": selector(blueprint, public), "ports": [port]},
    }


def _ingress(blueprint: Blueprint) -> Object:
    public, host = public_workload(blueprint), blueprint.settings.exposure.host
    service = {"name": public.name, "port": {"number": public.port.number}}
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": service}}
    rule: Object = {"http": {"paths": [path]}}
    spec: Object = {"rules": [{"host": host, **rule} if host else rule]}
    if host:
        spec["tls"] = [{"hosts": [host], "secretName": tls_secret(blueprint)}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(blueprint, public_name(blueprint), public, _annotations(blueprint)),
        "spec": spec,
    }


def _annotations(blueprint: Blueprint) -> dict[str, str]:
    tls = {"nginx.ingress.kubernetes.io/backend-protocol": "HTTPS"}
    return {**_PATIENT, **(tls if blueprint.settings.exposure.tls else {})}


def _gateway(blueprint: Blueprint) -> Object:
    public, host = public_workload(blueprint), blueprint.settings.exposure.host
    allowed = {"namespaces": {"from": "Same"}}
    if host:
        tls = {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": tls_secret(blueprint)}]}
        listener: Object = {
            "name": "https",
            "hostname": host,
            "port": _HTTPS,
            "protocol": "HTTPS",
            "tls": tls,
        }
    else:
        listener = {"name": "http", "port": _HTTP, "protocol": "HTTP"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata(blueprint, public_name(blueprint), public),
        "spec": {
            "gatewayClassName": gateway_class(blueprint),
            "listeners": [{**listener, "allowedRoutes": allowed}],
        },
    }


def gateway_class(blueprint: Blueprint) -> str:
    """The class of the Gateway; a patch can name the cluster's own."""
    return "istio" if blueprint.settings.istio else "default"


def _http_route(blueprint: Blueprint) -> Object:
    public, host = public_workload(blueprint), blueprint.settings.exposure.host
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": public.name, "port": public.port.number}],
    }
    spec: Object = {"parentRefs": [{"name": public_name(blueprint)}]}
    if host:
        spec["hostnames"] = [host]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(blueprint, public_name(blueprint), public),
        "spec": {**spec, "rules": [rule]},
    }
