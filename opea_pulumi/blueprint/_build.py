"""Blueprint = f(Application, profile, release, hardware)."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter

from opea_pulumi.application import Application, slug
from opea_pulumi.catalog import DEFAULT_RELEASE, Release, load_release
from opea_pulumi.errors import CatalogError, Location
from opea_pulumi.terms import Hardware, Profile

from ._complete import complete
from ._flow import build_flow
from ._model import Blueprint, Route, Secret, SecretValue, Volume, Workload
from ._plan import Plan, blueprint_error
from ._workloads import ROUTER, router_workload, workloads_of


def build_blueprint(
    application: Application,
    *,
    name: str,
    profile: Profile | None = None,
    release: str | None = None,
    hardware: Hardware | None = None,
) -> Blueprint:
    """Build the blueprint of an application.

    What is ``None`` is taken from the application, else the default: the release's profile or
    ``opea``, the profile's release, ``xeon``. Equal applications give equal blueprints, byte for byte.

    Raises:
        BlueprintError: a service that the release does not offer, a missing ``url``, a flow that
            the router does not run.
        CatalogError: an unknown release or application.
    """
    deployment = application.deployment
    wanted = release or application.release
    chosen = profile or deployment.profile or (_release(wanted).profile if wanted else Profile.OPEA)
    row = _release(wanted or DEFAULT_RELEASE[chosen])
    if row.profile != chosen:
        message = f"release {row.release} is not of profile {chosen}"
        hint = f"take opea_release out, or deploy profile {row.profile}"
        raise blueprint_error("profile-release", message, "opea_release", hint)
    plan = Plan(complete(application, row), row, hardware or deployment.hardware or Hardware.XEON)
    flow = build_flow(plan)
    workloads = _start_order(_workloads(plan))
    return Blueprint(
        name=slug(name),
        profile=row.profile,
        release=row.release,
        hardware=plan.hardware,
        workloads=workloads,
        volumes=_volumes(row, workloads),
        secrets=_secrets(row, workloads),
        route=Route(workload=ROUTER, endpoint=flow.endpoint),
        flow=flow,
    )


def _release(name: str) -> Release:
    try:
        return load_release(name)
    except CatalogError as error:
        error.location = error.location or Location(path="opea_release")
        raise


def _workloads(plan: Plan) -> dict[str, Workload]:
    _check_names(plan)
    workloads: dict[str, Workload] = {}
    for workload in workloads_of(plan):
        if workload.name in workloads:
            raise _name_taken(plan, workload.name)
        workloads[workload.name] = workload
    workloads[ROUTER] = router_workload(plan, workloads)
    _check_ports(plan, workloads)
    return workloads


def _check_names(plan: Plan) -> None:
    """External services count, too: their keys are named like workloads."""
    taken = {ROUTER}
    for name in plan.services:
        if slug(name) in taken:
            raise _name_taken(plan, slug(name))
        taken.add(slug(name))


def _name_taken(plan: Plan, workload: str) -> Exception:
    owners = [name for name in plan.services if slug(name) == workload]
    place = plan.path(owners[-1]) if owners else "opea_micro_services"
    message = f"two workloads would be named {workload!r}"
    return blueprint_error("name-taken", message, place, "rename the service")


def _check_ports(plan: Plan, workloads: Mapping[str, Workload]) -> None:
    """The language has checked those of services without ``url``; of those with one, some listen here."""
    ports = {plan.application.mega.port: ROUTER}
    for name in plan.services:
        port = workloads[slug(name)].port.requested if slug(name) in workloads else None
        if port is not None and port in ports:
            message = f"port {port} is taken by {ports[port]}"
            hint = "give each its own, or none: then a free one is found"
            raise blueprint_error("duplicate-port", message, plan.path(name, "port"), hint)
        ports[port] = slug(name)


def _volumes(release: Release, workloads: tuple[Workload, ...]) -> tuple[Volume, ...]:
    used = sorted({mount.volume for workload in workloads for mount in workload.mounts})
    return tuple(Volume(name=name, **release.volumes[name].model_dump()) for name in used)


def _secrets(release: Release, workloads: tuple[Workload, ...]) -> tuple[Secret, ...]:
    values = (value for workload in workloads for value in workload.environment.values())
    used = sorted({value.secret for value in values if isinstance(value, SecretValue)})
    return tuple(_secret(release, name) for name in used)


def _secret(release: Release, name: str) -> Secret:
    if name in release.secrets:
        return Secret(name=name, **release.secrets[name].model_dump())
    words = name.removesuffix("-api-key").split("-")
    config = words[0] + "".join(word.title() for word in words[1:]) + "ApiKey"
    variable = f"OPEA_{'_'.join(words).upper()}_API_KEY"
    purpose = f"bearer key of the url of {' '.join(words)}"
    return Secret(name=name, config=config, environment=(variable,), purpose=purpose)


def _start_order(workloads: Mapping[str, Workload]) -> tuple[Workload, ...]:
    """Downstreams first, ties by name; so the router is last."""
    sorter = TopologicalSorter({item.name: item.downstreams for item in workloads.values()})
    sorter.prepare()
    order: list[Workload] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [workloads[name] for name in ready]
        sorter.done(*ready)
    return tuple(order)
