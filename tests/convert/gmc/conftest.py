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


@pytest.fixture(scope="session")
def build():
    """A document's blueprint for GMC, as it is or changed to what the resolver would never make."""

    def build(text, hardware=None, release=None, change=None, name="app"):
        application = parse_application(text)
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
