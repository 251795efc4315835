"""Applications of texts, and their blueprints as GMC runs them."""

import pytest
import yaml

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert import blueprint_for
from opea_pulumi.terms import Hardware


def merged(base, change):
    """Plain data with some of it changed; items of a list of named things by their names."""
    if isinstance(base, list) and isinstance(change, dict):
        return [merged(item, change[item["name"]]) if item["name"] in change else item for item in base]
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    return {**base, **{key: merged(base.get(key), value) for key, value in change.items()}}


def standin(text):
    """TEMPORARY: what the language's loader will make of nodes and patches."""
    from opea_pulumi.application import Application, MegaFlow, MegaService, ServiceModel
    from opea_pulumi.application._mega_flow import line_edges, parse_line
    from opea_pulumi.application._model import Document
    from opea_pulumi.application._types import canonical_name, infer_type, mega_endpoint

    document = Document.model_validate(yaml.safe_load(text))
    mega = document.opea_mega_service
    if not mega.nodes and not document.patches and not mega.orchestrator:
        return parse_application(text)
    services = {
        canonical_name(name): ServiceModel(
            **{
                **(spec.model_dump(exclude_unset=True) if spec else {}),
                "type": (spec and spec.type) or infer_type(name),
            }
        )
        for name, spec in document.opea_micro_services.items()
    }
    groups = [parse_line(line) for line in mega.mega_flow]
    names = [canonical_name(item.name) for group in groups for items in group for item in items]
    edges = [(canonical_name(a), canonical_name(b)) for group in groups for a, b in line_edges(group)]
    flow = MegaFlow.of(names, edges)
    return Application(
        name=document.opea_app,
        release=document.opea_release,
        services=services,
        mega=MegaService(
            endpoint=mega.endpoint or mega_endpoint([]),
            orchestrator=mega.orchestrator,
            flow=flow,
            nodes=mega.nodes,
        ),
        deployment=document.opea_deployment,
        patches=tuple(document.patches),
    )


@pytest.fixture(scope="session")
def build():
    """A document's blueprint for GMC, as it is or changed to what the resolver would never make."""

    def build(text, hardware=None, release=None, change=None, name="app"):
        application = standin(text)
        device = Hardware(hardware) if hardware else None
        blueprint = blueprint_for(
            application, "gmc", name=application.name or name, hardware=device, release=release
        )
        if not change:
            return blueprint
        return Blueprint.model_validate(merged(blueprint.model_dump(mode="json"), change))

    return build


@pytest.fixture(scope="session")
def documents():
    """The documents of a text."""
    return lambda text: list(yaml.safe_load_all(text))


@pytest.fixture(scope="session")
def parse():
    """The application of a text."""
    return standin
