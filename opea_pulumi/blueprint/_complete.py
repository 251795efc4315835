"""What an application leaves out: a known one's defaults, and the services that others imply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opea_pulumi.application import (
    Application,
    DeploymentSpec,
    MegaService,
    ServiceModel,
    parse_application,
    service_types,
)
from opea_pulumi.catalog import Release, application_text, applications
from opea_pulumi.errors import CatalogError, Location

from ._plan import blueprint_error


def complete(application: Application, release: Release) -> Application:
    """The application with the defaults of its name and the services that its types imply.

    Raises:
        BlueprintError: it has a service that the known application's flow does not reach.
        CatalogError: it has no flow of its own and the catalogue does not know its name.
    """
    return _with_implied(_with_defaults(application), release)


def _with_defaults(application: Application) -> Application:
    name, mega = application.name, application.mega
    if name is None or (mega.flow.nodes and name not in applications()):
        return application
    known = _known(name)
    own = bool(mega.flow.nodes)
    source = mega if own else known.mega
    services = {key: _merged(known.services.get(key), item) for key, item in application.services.items()}
    offered = {**known.services, **services}
    in_flow = set(_reached(source, offered))
    for given, service in application.services.items():
        if given not in in_flow and not service_types()[service.type].side and given not in known.services:
            place = f"opea_micro_services.{service.alias or given}"
            message = f"the flow of {name} has no {service.alias or given}"
            raise blueprint_error("unreachable-service", message, place, "give a mega_flow that names it")
    # with a flow of its own, an application takes only what that names
    defaults = {key: service for key, service in known.services.items() if key in in_flow or not own}
    merged = mega.model_copy(
        update={
            "flow": source.flow,
            "nodes": source.nodes,
            "endpoint": mega.endpoint or known.mega.endpoint,
            "orchestrator": mega.orchestrator or known.mega.orchestrator,
        }
    )
    return application.model_copy(
        update={
            "mega": merged,
            "services": {**defaults, **services},
            "deployment": _deployment(known.deployment, application.deployment),
        }
    )


def _reached(mega: MegaService, services: Mapping[str, ServiceModel]) -> Iterator[str]:
    """The services of the flow, of its nodes, and those that they use."""
    seen: set[str] = set()
    waiting: list[str] = list(mega.flow.nodes)
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in mega.nodes:
            waiting += [step.name for step in mega.nodes[name].steps]
        elif name in services:
            yield name
            waiting += _uses(services[name])


def _uses(service: ServiceModel) -> Iterable[str]:
    return service.uses.values()


def _deployment(default: DeploymentSpec, given: DeploymentSpec) -> DeploymentSpec:
    return default.model_copy(update={key: getattr(given, key) for key in given.model_fields_set})


def _known(name: str) -> Application:
    try:
        return parse_application(application_text(name), file=name)
    except CatalogError as error:
        error.location = Location(path="opea_app")
        raise


def _merged(default: ServiceModel | None, given: ServiceModel) -> ServiceModel:
    if default is None or default.type != given.type:
        return given
    return ServiceModel(**{**default.model_dump(exclude_unset=True), **given.model_dump(exclude_unset=True)})


def _with_implied(application: Application, release: Release) -> Application:
    """A service elsewhere implies nothing: what belongs to it is there, too."""
    services = application.services
    types = {service.type for service in services.values()}
    needing = {service.type for service in services.values() if not service.url}
    implied = {kind for need in needing for kind in release.implies.get(need, ())}
    added = {kind: ServiceModel(type=kind) for kind in sorted(implied - types)}
    return application.model_copy(update={"services": {**services, **added}})
