"""The schema of the custom resource, the webhook's rules, and the data file of steps."""

import jsonschema
import pytest
import yaml

from opea_pulumi.catalog import load_release
from opea_pulumi.convert.gmc import check_gmconnector, crd
from opea_pulumi.convert.gmc._facts import facts
from opea_pulumi.terms import Hardware

SCHEMA = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def connector(nodes, **router):
    router = {"name": "router", "serviceName": "", **router}
    return {"metadata": {"name": "x"}, "spec": {"routerConfig": router, "nodes": nodes}}


def root(*steps):
    return {"root": {"routerType": "Sequence", "steps": list(steps)}}


def test_the_definition():
    spec = crd()["spec"]
    assert crd()["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
    assert spec["names"] == {
        "kind": "GMConnector",
        "listKind": "GMConnectorList",
        "plural": "gmconnectors",
        "singular": "gmconnectors",
        "shortNames": ["gmc"],
    }
    (version,) = spec["versions"]
    assert (version["name"], version["served"], version["storage"]) == ("v1alpha3", True, True)
    assert [column["name"] for column in version["additionalPrinterColumns"]] == ["URL", "Ready", "Age"]
    assert version["subresources"] == {"status": {}}
    jsonschema.Draft4Validator.check_schema(SCHEMA)


def test_it_is_structural():
    """Kubernetes takes only schemas with a type at every level and no default here."""

    def walk(part):
        assert "type" in part
        assert "default" not in part
        for below in part.get("properties", {}).values():
            walk(below)
        for key in ("items", "additionalProperties"):
            if key in part:
                walk(part[key])

    walk(SCHEMA)


@pytest.mark.parametrize(
    "document",
    [
        {},
        connector({}),
        connector({"root": {"routerType": "Ensemble"}}),
        connector(root({"name": "Llm", "dependency": "Hard", "internalService": {"config": {"a": "b"}}})),
    ],
)
def test_the_schema_accepts(document):
    jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    "document",
    [
        {"spec": {"nodes": {}}},
        {"spec": {"routerConfig": {"name": "a", "serviceName": "b"}}},
        {"spec": {"nodes": {}, "routerConfig": {"name": "a"}}},
        connector({"root": {}}),
        connector({"root": {"routerType": "sequence"}}),
        connector(root({"name": "Llm", "dependency": "hard"})),
        connector(root({"name": "Llm", "internalService": {"config": {"PORT": 9009}}})),
        connector(root({"name": "Llm", "internalService": {"isDownstreamService": "true"}})),
        connector({}, config={"a": 1}),
    ],
)
def test_the_schema_refuses(document):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


@pytest.mark.parametrize(
    ("nodes", "problems"),
    [
        (root({"name": "Llm"}), []),
        # a node in a circle, a step without anything to run: the webhook does not look (gmc.md 2.10)
        (root({"name": "Llm", "nodeName": "root"}, {"name": "Router"}), []),
        ({}, ["spec.nodes: there is no node root"]),
        (root({}), ["spec.nodes.root.steps.0: the step has no name"]),
        (root({"name": "llm"}), ["spec.nodes.root.steps.0.name: the operator knows no step 'llm'"]),
        (root({"name": "Vllm"}), ["spec.nodes.root.steps.0.name: the operator knows no step 'Vllm'"]),
        (
            root({"name": "Llm", "nodeName": "more"}),
            ["spec.nodes.root.steps.0.nodeName: there is no node 'more'"],
        ),
        (
            {
                **root({"name": "Llm", "internalService": {"serviceName": "a"}}),
                "more": {"steps": [{"name": "Tgi", "internalService": {"serviceName": "a"}}]},
            },
            ["spec.nodes.more.steps.0.internalService.serviceName: two steps have the serviceName 'a'"],
        ),
    ],
)
def test_the_webhook(nodes, problems):
    assert check_gmconnector(connector(nodes)) == problems


def test_the_steps():
    """gmc.md 1: 22 names pass the webhook, 21 of them deploy something; seven keys are resolved."""
    assert len(facts().allowed) == 22
    assert len(facts().steps) == 21
    assert len(facts().magic) == 7
    assert facts().unusable == ("Router",)


def test_the_catalogue_has_what_the_operator_deploys():
    release = load_release("1.1")
    steps = facts().steps.values()
    assert {step.type for step in steps if step.type} == set(release.services)
    assert {step.server for step in steps if step.server} == set(release.servers)
    assert {step.store for step in steps if step.store} == set(release.stores)
    for kind, server in release.servers.items():
        for hardware in Hardware:
            assert (hardware in server.devices) == bool(facts().for_server(kind, hardware))


@pytest.mark.parametrize("name", [name for name, step in facts().steps.items() if step.type or step.server])
def test_images_ports_and_variables_are_the_operators(name):
    """What the catalogue sets is what the ConfigMap sets, so that a GMConnector need not say it."""
    step, release = facts().steps[name], load_release("1.1")
    if step.type:
        row = release.services[step.type]
        image, port, environment = row.image, row.port, {**row.environment, **row.servers.get(row.server, {})}
        environment |= release.stores["redis"].clients.get(step.type, {})
        assert row.endpoint == step.endpoint
    else:
        server = release.servers[step.server]
        for hardware in step.hardware:
            device = server.devices[hardware]
            image, port = device.image, device.port or server.port
            environment = {**server.environment, **device.environment}
            assert (device.args, device.resources.accelerators) == (step.args, step.accelerators)
        assert server.endpoint == step.endpoint
    moving = image.startswith("opea/")
    assert step.image == (image.replace(":1.1", ":latest") if moving else image)
    assert (step.target or step.port) == port
    assert set(environment) <= set(step.environment)
    fields = {"{port}": str(port), "{index}": release.index}
    for key, value in environment.items():
        if isinstance(value, str) and value != "{model}":
            assert fields.get(value, value) == step.environment[key], yaml.safe_dump({name: key})
