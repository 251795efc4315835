"""Who is let in: what a Docker stack cannot check is refused."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.errors import Location, PreflightError


def refused_exposure(blueprint: Blueprint) -> Iterator[PreflightError]:
    """That users should prove who they are, and nothing here asks them."""
    exposure = blueprint.settings.exposure
    if exposure.auth == "none" or exposure.keys:
        return
    who = "the user interface" if blueprint.ui else f"the orchestrator {blueprint.orchestrator}"
    message, hint = f"{who} checks no keys", "choose orchestrator: router and no ui, or auth: none"
    if exposure.auth == "oidc":
        message, hint = "nothing on a Docker engine checks OpenID Connect tokens", "choose auth: api_key"
    location = Location(path="opea_deployment.auth")
    yield PreflightError(message, code="auth-unchecked", location=location, hint=hint)
