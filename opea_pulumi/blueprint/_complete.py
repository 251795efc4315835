"""What an application leaves out: a known one's defaults, and the services that others imply."""

from __future__ import annotations

from opea_pulumi.application import Application, ServiceModel, parse_application, service_types
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
    flow = mega.flow if mega.flow.nodes else known.mega.flow
    for given, service in application.services.items():
        if given not in flow.nodes and not service_types()[service.type].side:
            place = f"opea_micro_services.{service.alias or given}"
            message = f"the flow of {name} has no {service.alias or given}"
            raise blueprint_error("unreachable-service", message, place, "give a mega_flow that names it")
    defaults = {key: service for key, service in known.services.items() if key in flow.nodes}
    services = {key: _merged(defaults.get(key), service) for key, service in application.services.items()}
    mega = mega.model_copy(update={"flow": flow, "endpoint": mega.endpoint or known.mega.endpoint})
    return application.model_copy(update={"mega": mega, "services": {**defaults, **services}})


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
