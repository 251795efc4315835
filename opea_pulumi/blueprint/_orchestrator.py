"""Who runs the flow, and with which release: chosen before the blueprint is built."""

from __future__ import annotations

from opea_pulumi.application import Application
from opea_pulumi.catalog import DEFAULT_RELEASE, Release, load_release
from opea_pulumi.errors import CatalogError, Location
from opea_pulumi.terms import Orchestrator, Profile

from ._flow import unsupported_by_router
from ._plan import Plan, blueprint_error

GMC_RELEASE = "1.1"
"""The release whose services the GMC operator deploys."""

_ORCHESTRATOR = "opea_mega_service.orchestrator"


def choose_release(
    application: Application, profile: Profile | None, release: str | None, orchestrator: Orchestrator | None
) -> Release:
    """The release to deploy, which fits the profile and the orchestrator that are asked for.

    Raises:
        BlueprintError: it does not fit.
        CatalogError: there is no such release.
    """
    wanted = release or application.release
    asked = profile or application.deployment.profile
    runs = orchestrator or application.mega.orchestrator
    if wanted is None and runs is Orchestrator.GMC:
        wanted = GMC_RELEASE
    chosen = asked or (_release(wanted).profile if wanted else Profile.OPEA)
    row = _release(wanted or DEFAULT_RELEASE[chosen])
    if row.profile != chosen:
        message = f"release {row.release} is not of profile {chosen}"
        hint = f"take opea_release out, or deploy profile {row.profile}"
        raise blueprint_error("profile-release", message, "opea_release", hint)
    return row


def choose_orchestrator(
    application: Application,
    known: Orchestrator | None,
    release: Release,
    given: Orchestrator | None,
) -> Orchestrator | None:
    """Who runs the flow as asked for: by the caller, the application, or what is known of it.

    ``None`` when nobody says (:func:`default_orchestrator`).

    Raises:
        BlueprintError: the release does not know what was asked for, two askings differ, or it
            does not go with the flow.
    """
    own = application.mega.orchestrator
    if given and own and given is not own:
        message = f"the application wants orchestrator {own}, not {given}"
        raise blueprint_error("orchestrator-conflict", message, _ORCHESTRATOR, "take it out of the file")
    asked = given or own or known
    if asked is None:
        return None
    if asked not in release.orchestrators:
        offered = ", ".join(release.orchestrators)
        message = f"release {release.release} has no orchestrator {asked}"
        raise blueprint_error("orchestrator-release", message, _ORCHESTRATOR, f"it has {offered}")
    if asked is Orchestrator.MEGASERVICE and application.name not in release.megaservices:
        names = ", ".join(sorted(release.megaservices))
        message = "OPEA has no megaservice image for this application"
        hint = f"opea_app names one of {names}; or take orchestrator: router"
        raise blueprint_error("no-megaservice", message, _ORCHESTRATOR, hint)
    return asked


def default_orchestrator(plan: Plan) -> Orchestrator:
    """Who runs the flow when nobody says: the release's default, or who can.

    A known application whose flow this version's router cannot run, or whose image does more than
    run it, is run by OPEA's own image.
    """
    release, name = plan.release, plan.application.name or ""
    first = release.orchestrators[0]
    image = release.megaservices.get(name)
    if (
        image is None
        or Orchestrator.MEGASERVICE not in release.orchestrators
        or first is not Orchestrator.ROUTER
    ):
        return first
    return Orchestrator.MEGASERVICE if image.beyond or unsupported_by_router(plan) else first


def check_none(plan: Plan) -> None:
    """Without an orchestrator users reach the flow's only service.

    Raises:
        BlueprintError: the flow has more than one, or it runs elsewhere.
    """
    if plan.orchestrator is not Orchestrator.NONE:
        return
    if len(plan.flow_services) != 1:
        message = "without an orchestrator the flow is one service"
        hint = "name in mega_flow the service that users reach; what it calls stands in its uses"
        raise blueprint_error("no-orchestrator", message, "opea_mega_service.mega_flow", hint)
    name = plan.flow_services[0]
    if plan.is_external(name):
        message = "without an orchestrator users reach the flow's only service, and that runs elsewhere"
        hint = "take orchestrator: router, which passes requests on to it"
        raise blueprint_error("no-orchestrator", message, plan.path(name, "url"), hint)


def _release(name: str) -> Release:
    try:
        return load_release(name)
    except CatalogError as error:
        error.location = error.location or Location(path="opea_release")
        raise
