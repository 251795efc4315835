"""What an application leaves out: a known one's defaults, and the services that others imply."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.application import Application, ServiceModel, parse_application
from opea_pulumi.catalog import Release, application_text, applications


def complete(application: Application, release: Release) -> Application:
    """The application with the defaults of its name and the services that its types imply.

    Raises:
        CatalogError: it has no services of its own and the catalogue does not know its name.
    """
    return _with_implied(_with_defaults(application), release)


def _with_defaults(application: Application) -> Application:
    name = application.name
    if name is None or (name not in applications() and application.services):
        return application
    known = parse_application(application_text(name), file=name)
    flow = application.mega.flow if application.mega.flow.nodes else known.mega.flow
    endpoint = application.mega.endpoint if application.mega.flow.nodes else known.mega.endpoint
    mega = application.mega.model_copy(update={"flow": flow, "endpoint": endpoint})
    defaults = {key: service for key, service in known.services.items() if key in flow.nodes}
    return application.model_copy(update={"mega": mega, "services": {**defaults, **application.services}})


def _with_implied(application: Application, release: Release) -> Application:
    types = {service.type for service in application.services.values()}
    added: Mapping[str, ServiceModel] = {
        implied: ServiceModel(type=implied)
        for kind in sorted(types)
        for implied in release.implies.get(kind, ())
        if implied not in types
    }
    return application.model_copy(update={"services": {**application.services, **added}})
