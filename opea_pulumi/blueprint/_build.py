"""Blueprint = f(Application, orchestrator, profile, release, hardware)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from opea_pulumi.application import Application, slug
from opea_pulumi.catalog import application_files
from opea_pulumi.terms import Hardware, Orchestrator, Profile

from ._complete import complete
from ._exposure import check_exposure
from ._flow import build_flow
from ._images import with_images
from ._model import Blueprint, Route, Workload
from ._orchestrator import check_none, choose_orchestrator, choose_release, default_orchestrator
from ._plan import Plan, blueprint_error
from ._settings import patches_of, secrets_of, settings_of, volumes_of, with_proxy
from ._values import GATEWAY, MEGASERVICE, ROUTER, UI, route_endpoint, route_workload
from ._workloads import front_of, workloads_of


def build_blueprint(
    application: Application,
    *,
    name: str,
    profile: Profile | None = None,
    release: str | None = None,
    hardware: Hardware | None = None,
    orchestrator: Orchestrator | None = None,
    files: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
) -> Blueprint:
    """Build the blueprint of an application.

    What is ``None`` is taken from the application, else the default: the release's profile or
    ``opea``, the profile's release (1.1 for orchestrator ``gmc``), ``xeon``, the release's first
    orchestrator that runs the flow. ``files`` are the contents of the application's own files by
    their paths in its folder, ``digests`` the lock's, by image. Equal arguments give equal
    blueprints, byte for byte.

    Raises:
        BlueprintError: a service that the release does not offer, a missing ``url``, a flow that
            the orchestrator does not run, a model that does not fit its hardware, an address that
            other machines reach without keys and TLS.
        CatalogError: an unknown release or application.
    """
    row = choose_release(application, profile, release, orchestrator)
    whole, bare = complete(application, row)
    runs = choose_orchestrator(application, whole.mega.orchestrator, row, orchestrator)
    device = hardware or whole.deployment.hardware or Hardware.XEON
    known = application_files(application.name) if application.name else {}
    plan = Plan(whole, bare, row, device, runs or row.orchestrators[0], {**known, **(files or {})})
    if runs is None:
        plan = replace(plan, orchestrator=default_orchestrator(plan))
    check_none(plan)
    flow = build_flow(plan)
    workloads = _start_order(with_images(plan, with_proxy(plan, _workloads(plan)), digests or {}))
    check_exposure(plan, workloads)
    return Blueprint(
        name=slug(name),
        application=application.name if plan.megaservice is not None and application.name else "",
        profile=row.profile,
        release=row.release,
        hardware=plan.hardware,
        orchestrator=plan.orchestrator,
        workloads=workloads,
        volumes=volumes_of(plan, workloads),
        secrets=secrets_of(plan, workloads),
        route=Route(workload=route_workload(plan), endpoint=route_endpoint(plan)),
        ui=next((name for name in (GATEWAY, UI) if any(item.name == name for item in workloads)), ""),
        flow=flow,
        settings=settings_of(plan),
        patches=patches_of(plan),
    )


def _workloads(plan: Plan) -> dict[str, Workload]:
    _check_names(plan)
    workloads: dict[str, Workload] = {}
    for workload in workloads_of(plan):
        if workload.name in workloads:
            raise _name_taken(plan, workload.name)
        workloads[workload.name] = workload
    for workload in front_of(plan, list(workloads)):
        if workload.name in workloads:
            raise _name_taken(plan, workload.name)
        workloads[workload.name] = workload
    _check_ports(plan, workloads)
    return workloads


def _check_names(plan: Plan) -> None:
    """External services count, too: their keys are named like workloads."""
    taken = {ROUTER, MEGASERVICE, UI, GATEWAY}
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
    ports = {plan.application.mega.port: route_workload(plan)}
    for name in plan.services:
        port = workloads[slug(name)].port.requested if slug(name) in workloads else None
        if port is not None and port in ports and ports[port] != slug(name):
            message = f"port {port} is taken by {ports[port]}"
            hint = "give each its own, or none: then a free one is found"
            raise blueprint_error("duplicate-port", message, plan.path(name, "port"), hint)
        ports[port] = slug(name)


def _start_order(workloads: Mapping[str, Workload]) -> tuple[Workload, ...]:
    """What a workload calls or waits for comes first, ties by name; so what users reach is last."""
    sorter = TopologicalSorter({item.name: (*item.downstreams, *item.after) for item in workloads.values()})
    try:
        sorter.prepare()
    except CycleError as error:
        message = f"workloads need each other in a circle: {' >> '.join(error.args[1])}"
        raise blueprint_error(
            "needs-cycle", message, "opea_micro_services", "take one of the uses out"
        ) from None
    order: list[Workload] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += [workloads[name] for name in ready]
        sorter.done(*ready)
    return tuple(order)
