"""What an application leaves out: a known one's defaults, and the services that others imply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache

from opea_pulumi.application import (
    Application,
    DeploymentSpec,
    MegaService,
    ServiceModel,
    parse_application,
    service_types,
)
from opea_pulumi.catalog import Reference, Release, application_text, applications
from opea_pulumi.errors import CatalogError, Location

from ._plan import blueprint_error


def complete(application: Application, release: Release) -> tuple[Application, frozenset[str]]:
    """The application with the defaults of its name and the services that its types imply.

    With it the services that are there for their model servers alone: a retriever calls the server
    of an embedding, whether or not the flow has an embedding step.

    Raises:
        BlueprintError: it has a service that the known application's flow does not reach.
        CatalogError: it has no flow of its own and the catalogue does not know its name.
    """
    whole = _with_implied(_with_defaults(application), release)
    bare = _bare(whole, release)
    services = {**whole.services, **{kind: ServiceModel(type=kind) for kind in sorted(bare)}}
    return whole.model_copy(update={"services": services}), bare


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
        return _parsed(application_text(name), name)
    except CatalogError as error:
        error.location = Location(path="opea_app")
        raise


@cache  # a process that converts many applications meets the same few names
def _parsed(text: str, name: str) -> Application:
    return parse_application(text, file=name)


def _merged(default: ServiceModel | None, given: ServiceModel) -> ServiceModel:
    if default is None or default.type != given.type:
        return given
    return ServiceModel(**{**default.model_dump(exclude_unset=True), **given.model_dump(exclude_unset=True)})


def _with_implied(application: Application, release: Release) -> Application:
    """A service elsewhere implies nothing: what belongs to it is there, too."""
    services = application.services
    types = {service.type for service in services.values()}
    implied: set[str] = set()
    waiting = {service.type for service in services.values() if not service.url}
    while waiting:
        wanted = [choice.split("|") for need in sorted(waiting) for choice in release.implies.get(need, ())]
        waiting = {choice[0] for choice in wanted if not types & set(choice)} - implied
        implied |= waiting
    added = {kind: ServiceModel(type=kind) for kind in sorted(implied)}
    return application.model_copy(update={"services": {**added, **services}})


def _bare(application: Application, release: Release) -> frozenset[str]:
    """The types whose server a row refers to while the application has no service of them."""
    services = application.services.values()
    rows = [
        release.services[item.type] for item in services if not item.url and item.type in release.services
    ]
    environments = [environment for row in rows for environment in (row.environment, *row.servers.values())]
    store = release.stores.get(application.deployment.vector_store or release.default_store)
    if store is not None:
        environments += [store.clients.get(item.type, {}) for item in services]
    ends = [
        value.endpoint for item in environments for value in item.values() if isinstance(value, Reference)
    ]
    wanted = {end.removesuffix(".server") for end in ends if end.endswith(".server")}
    return frozenset(wanted & release.services.keys() - {item.type for item in services})
