"""Policies hold exactly the blueprint's edges."""

from ipaddress import ip_address, ip_network

import pytest
from manifests import everything, example, find

from opea_pulumi.convert.kubernetes import objects

NAME = "app.kubernetes.io/name"
EXAMPLES = [("chatqna", "xeon"), ("chatqna", "gaudi"), ("chatqna-milvus", "xeon"), ("custom-flow", "xeon")]


def blueprints():
    return [
        ("everything", everything),
        *((f"{name}-{device}", lambda n=name, d=device: example(n, d)) for name, device in EXAMPLES),
    ]


def policies(made):
    return {
        item["spec"]["podSelector"]["matchLabels"][NAME]: item["spec"]
        for item in made
        if item["kind"] == "NetworkPolicy" and item["spec"]["podSelector"]
    }


def peers(rules, side):
    """Pairs of a pod's name and a port."""
    return {
        (peer["podSelector"]["matchLabels"][NAME], port["port"])
        for rule in rules
        for peer in rule[side]
        if "podSelector" in peer
        for port in rule["ports"]
    }


def is_open(spec, address, port):
    """Whether a policy lets its pods reach an address."""
    return any(
        ip_address(address) in ip_network(peer["ipBlock"]["cidr"])
        and not any(ip_address(address) in ip_network(net) for net in peer["ipBlock"].get("except", []))
        for rule in spec["egress"]
        if port in [each["port"] for each in rule["ports"]]
        for peer in rule["to"]
        if "ipBlock" in peer and ip_network(peer["ipBlock"]["cidr"]).version == ip_address(address).version
    )


@pytest.mark.parametrize("build", [pytest.param(build, id=name) for name, build in blueprints()])
def test_edges(build):
    blueprint = build()
    made = objects(blueprint)
    found = policies(made)
    running = {item.name: item for item in blueprint.workloads if item.role != "prefetch"}
    assert set(found) == set(running)
    ports = {name: {item.port.number, *item.other_ports} for name, item in running.items()}
    edges = {
        (name, other, port)
        for name, item in running.items()
        for other in item.downstreams
        for port in ports[other]
    }
    assert {(name, *peer) for name, spec in found.items() for peer in peers(spec["egress"], "to")} == edges
    assert {
        (caller, name, port)
        for name, spec in found.items()
        for caller, port in peers(spec["ingress"], "from")
    } == edges


def test_nothing_goes_in_or_out_by_default():
    spec = find(objects(everything()), "NetworkPolicy", "default-deny")["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_only_what_is_marked_leaves_the_cluster():
    found = policies(objects(everything()))
    outside = {name for name, spec in found.items() if is_open(spec, "93.184.216.34", 443)}
    assert outside == {"embedding", "llm-server"}  # the prefetch step's pod is the server's


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "10.0.0.1",
        "172.20.0.1",
        "192.168.1.1",
        "100.100.0.1",
        "127.0.0.1",
        "fd00:ec2::254",
        "fe80::1",
    ],
)
def test_metadata_and_private_addresses_stay_closed(address):
    for spec in policies(objects(everything())).values():
        assert not is_open(spec, address, 443)
        assert not is_open(spec, address, 80)


def test_hosts_that_a_service_is_told_of():
    spec = policies(objects(everything()))["embedding"]
    assert is_open(spec, "93.184.216.34", 3128)  # the proxy
    assert is_open(spec, "10.1.2.3", 8000)
    assert not is_open(spec, "10.1.2.4", 8000)
    namespaces = [
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], port["port"])
        for rule in spec["egress"]
        for peer in rule["to"]
        if "namespaceSelector" in peer
        for port in rule["ports"]
    ]
    assert namespaces == [("kube-system", 53), ("kube-system", 53), ("other", 8080)]
    assert not is_open(spec, "169.254.20.10", 443)


def test_names_are_resolved_by_those_who_call():
    found = policies(objects(everything()))
    assert is_open(found["llm"], "169.254.20.10", 53)  # a node's own cache
    for name, spec in found.items():
        asks = any(port["port"] == 53 for rule in spec["egress"] for port in rule["ports"])
        assert asks == bool(spec["egress"]), name
    assert found["graph-db"]["egress"] == []


@pytest.mark.parametrize(
    ("kind", "sources"),
    [
        ("none", []),
        ("ingress", [{"namespaceSelector": {"matchLabels": {"opea-pulumi/ingress": "true"}}}]),
        ("gateway", [{"namespaceSelector": {"matchLabels": {"opea-pulumi/ingress": "true"}}}]),
        ("load_balancer", [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]),
    ],
)
def test_users_come_in_where_the_application_is_exposed_and_nowhere_else(kind, sources):
    found = policies(objects(everything(settings={"exposure": {"kind": kind}})))
    from_outside = {
        name: [peer for rule in spec["ingress"] for peer in rule["from"] if "podSelector" not in peer]
        for name, spec in found.items()
    }
    assert from_outside.pop("gateway") == sources
    assert not any(from_outside.values())


def test_metrics_are_read_from_labelled_namespaces_only():
    made = objects(everything())
    scraped = {
        name
        for name, spec in policies(made).items()
        for rule in spec["ingress"]
        for peer in rule["from"]
        if peer.get("namespaceSelector", {}).get("matchLabels") == {"opea-pulumi/monitoring": "true"}
    }
    assert scraped == {"llm-server", "embedding", "router"}
    assert find(made, "ServiceMonitor", "everything")["spec"]["endpoints"][0]["port"] == "http"
    assert "ServiceMonitor" not in {item["kind"] for item in objects(everything(settings={}))}
