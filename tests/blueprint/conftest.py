"""Blueprints of documents."""

import pytest

from opea_pulumi import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.terms import Hardware, Profile


@pytest.fixture(scope="session")
def build():
    """A document's blueprint, named ``app``."""

    def build(text, profile="embedded", hardware=None):
        device = Hardware(hardware) if hardware else None
        return build_blueprint(parse_application(text), name="app", profile=Profile(profile), hardware=device)

    return build
