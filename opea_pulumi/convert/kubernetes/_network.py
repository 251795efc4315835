"""NetworkPolicies: nothing goes in or out but along the blueprint's edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from opea_pulumi.blueprint import Blueprint, LiteralValue, Workload

from ._exposure import public_workload
from ._index import index
from ._members import pod_workloads
from ._monitoring import is_scraped
from ._names import INGRESS_LABEL, SCRAPE_LABEL, Object, derived, metadata, selector

_HTTPS = 443
_PORTS = {"http": 80, "https": _HTTPS}
_PRIVATE = [  # other pods, nodes, the cloud's metadata: none of them is the internet
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
]
_PRIVATE_V6 = ["fc00::/7", "fe80::/10"]
_NAMESPACE = "kubernetes.io/metadata.name"
_DNS = [
    {"namespaceSelector": {"matchLabels": {_NAMESPACE: "kube-system"}}},
    {"ipBlock": {"cidr": "169.254.20.10/32"}},  # the usual address of a node's own DNS cache
]
_ANYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
_INTERNET = [
    {"ipBlock": {"cidr": "0.0.0.0/0", "except": _PRIVATE}},
    {"ipBlock": {"cidr": "::/0", "except": _PRIVATE_V6}},
]


def default_deny(blueprint: Blueprint) -> Object:
    """Every pod of the namespace: nothing in, nothing out."""
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    return _policy(blueprint, "default-deny", None, spec)


def network_policy(blueprint: Blueprint, workload: Workload) -> Object:
    """What may reach a workload's pods, and what they may reach."""
    spec: Object = {
        "podSelector": {"matchLabels": selector(blueprint, workload)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(blueprint, workload)),
        "egress": list(_egress(blueprint, workload)),
    }
    return _policy(blueprint, derived(workload.name, ""), workload, spec)


def _ingress(blueprint: Blueprint, workload: Workload) -> Iterator[Object]:
    calling = [
        {"podSelector": {"matchLabels": selector(blueprint, item)}}
        for item in index(blueprint).callers.get(workload.name, [])
    ]
    if calling:
        yield {"from": calling, "ports": _ports(workload)}
    own = [_port(workload.port.number)]
    if workload.name == public_workload(blueprint).name:
        kind = blueprint.settings.exposure.kind
        if kind == "load_balancer":
            yield {"from": _ANYWHERE, "ports": own}
        elif kind != "none":
            yield {"from": [_labelled(INGRESS_LABEL)], "ports": own}
    if blueprint.settings.monitoring and is_scraped(workload):
        yield {"from": [_labelled(SCRAPE_LABEL)], "ports": own}


def _egress(blueprint: Blueprint, workload: Workload) -> Iterator[Object]:
    members = pod_workloads(blueprint, workload)
    found = index(blueprint).workloads
    called = list(dict.fromkeys(name for member in members for name in member.downstreams))
    outside = any(member.egress for member in members)
    if called or outside:
        yield {"to": _DNS, "ports": [_port(53, "UDP"), _port(53)]}
    for item in (found[name] for name in called):
        to = {"podSelector": {"matchLabels": selector(blueprint, item)}}
        yield {"to": [to], "ports": _ports(item)}
    if outside:
        yield {"to": _INTERNET, "ports": [_port(_HTTPS)]}
        yield from _remote(blueprint, members)


def _remote(blueprint: Blueprint, members: Sequence[Workload]) -> Iterator[Object]:
    """Hosts that the pod is told of and that 443 to the internet does not cover, such as a proxy."""
    texts = [
        value.value
        for member in members
        if member.egress
        for value in member.environment.values()
        if isinstance(value, LiteralValue)
    ]
    if any(member.role in {"router", "megaservice"} for member in members):
        texts += [step.url for node in blueprint.flow.nodes.values() for step in node.steps]
    found = dict.fromkeys(peer for text in texts for peer in _peer(text))
    for host, port in sorted(found):
        yield {"to": _outside(host), "ports": [_port(port)]}


def _peer(text: str) -> Iterator[tuple[str, int]]:
    """Host and port of an address, but for https on the usual port of a public host."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return
    if parts.scheme in _PORTS and host and not (port == _HTTPS and _outside(host) is _INTERNET):
        yield ("" if _outside(host) is _INTERNET else host), port


def _outside(host: str) -> list[Object]:
    """Where a host is: an address, a Service of another namespace, or somewhere on the internet."""
    try:
        address = ip_address(host)
    except ValueError:
        words = host.split(".")
        if len(words) > 2 and words[2] == "svc":
            return [{"namespaceSelector": {"matchLabels": {_NAMESPACE: words[1]}}}]
        return _INTERNET
    return [{"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}]


def _labelled(label: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {label: "true"}}}


def _ports(workload: Workload) -> list[Object]:
    return [_port(number) for number in dict.fromkeys((workload.port.number, *workload.other_ports))]


def _port(number: int, protocol: str = "TCP") -> Object:
    return {"protocol": protocol, "port": number}


def _policy(blueprint: Blueprint, name: str, workload: Workload | None, spec: Object) -> Object:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(blueprint, name, workload),
        "spec": spec,
    }
