"""Which blueprint a format is made from: who runs the flow there, unless the application says."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.application import Application
from opea_pulumi.blueprint import Blueprint, build_blueprint
from opea_pulumi.errors import BlueprintError
from opea_pulumi.terms import Hardware, Orchestrator, Profile

GMC = "gmc"
KUBERNETES = "kubernetes"


def blueprint_for(
    application: Application,
    to: str,
    *,
    name: str,
    profile: Profile | None = None,
    release: str | None = None,
    hardware: Hardware | None = None,
    orchestrator: Orchestrator | None = None,
    files: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
) -> Blueprint:
    """The blueprint that a format is made from.

    ``gmc`` means orchestrator gmc with its release. On Kubernetes a router's image must come from a
    registry; without one, OPEA's own image runs a known application.

    Raises:
        OpeaError: the application does not fit, or wants another orchestrator than the format means.
    """

    def build(runs: Orchestrator | None) -> Blueprint:
        return build_blueprint(
            application,
            name=name,
            profile=profile,
            release=release,
            hardware=hardware,
            orchestrator=runs,
            files=files,
            digests=digests,
        )

    own = orchestrator or application.mega.orchestrator
    if to == GMC:
        return build(orchestrator or Orchestrator.GMC)
    if to == KUBERNETES and own is None and not application.deployment.image_registry and application.name:
        try:
            return build(Orchestrator.MEGASERVICE)
        except BlueprintError as error:
            if error.code not in ("no-megaservice", "megaservice-flow", "orchestrator-release"):
                raise
    return build(orchestrator)
