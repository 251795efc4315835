"""The services of a document: their names, types, and whether what each says goes together."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.errors import shown

from ._condition import check_condition
from ._model import AutoscalingSpec, Document, MicroService, MicroServiceSpec
from ._source import KeyPath, Source, quoted_key, suggestion
from ._types import canonical_name, infer_type, service_types

SERVICES = "opea_micro_services"
_MEGA = "opea_mega_service"


def services_of(source: Source, document: Document) -> dict[str, MicroService]:
    """Every service by its canonical name.

    Raises:
        ApplicationError: two of one name, an unknown type, keys that do not go together.
    """
    services: dict[str, MicroService] = {}
    for given, spec in document.opea_micro_services.items():
        path = (SERVICES, given)
        name = canonical_name(given)
        if name in services:
            other = services[name].alias or name
            message = f"{quoted_key(given)} and {quoted_key(other)} are the same service"
            source.fail("duplicate-service", message, path, key=True, hint="keep one of them")
        services[name] = _service(source, path, given, spec or MicroServiceSpec())
    for name, service in services.items():
        _check_uses(source, (SERVICES, service.alias or name), name, services)
    _check_ports(source, document, services)
    return services


def is_step(service: MicroService) -> bool:
    """Whether a service belongs into a flow, and not beside it."""
    return not service.beside and not service_types()[service.type].side


def _service(source: Source, path: KeyPath, given: str, spec: MicroServiceSpec) -> MicroService:
    kind = canonical_name(spec.type) if spec.type else infer_type(given)
    if kind is None:
        hint = f"give it a type: one of {', '.join(service_types())}"
        message = f"nothing is known of a service named {quoted_key(given)}"
        source.fail("unknown-service", message, path, key=True, hint=hint)
    if kind not in service_types():
        hint = suggestion(kind, service_types())
        source.fail("unknown-type", f"unknown type {shown(kind)}", (*path, "type"), hint=hint)
    alias = given if canonical_name(given) != given else ""
    uses = {"uses": {key: canonical_name(name) for key, name in spec.uses.items()}} if spec.uses else {}
    data = {**spec.model_dump(exclude_unset=True, by_alias=True), **uses, "type": kind, "alias": alias}
    service = MicroService.model_validate(data)
    _check_url(source, path, service)
    _check_scale(source, path, service.replicas, service.autoscaling)
    if service.server:
        _check_scale(source, (*path, "server"), service.server.replicas, service.server.autoscaling)
    _check_step_keys(source, path, service)
    _check_variables(source, path, service)
    return service


def _check_url(source: Source, path: KeyPath, service: MicroService) -> None:
    """With a url there is nothing here that could have a server, files or replicas."""
    if not service.url:
        return
    asked = ["server"]
    if not service_types()[service.type].asks:
        asked += ["files", "replicas", "autoscaling", "resources"]
    for key in asked:
        if getattr(service, key):
            nothing = "the server" if key == "server" else "the service"
            message = f"{key} says how {nothing} is deployed, but url says that it runs elsewhere"
            source.fail("url-clash", message, (*path, key), key=True, hint=f"take {key} or url out")


def _check_scale(
    source: Source, path: KeyPath, replicas: int | None, scaling: AutoscalingSpec | None
) -> None:
    if scaling is None:
        return
    if replicas is not None:
        message = "replicas is a fixed number, but autoscaling lets it change"
        hint = "take one of them out; autoscaling.min is where it starts"
        source.fail("replicas-clash", message, (*path, "replicas"), hint=hint)
    if scaling.min > scaling.max:
        place = (*path, "autoscaling")
        given = "max" if (*place, "max") in source.marks else "min"
        message = f"autoscaling from {scaling.min} to {scaling.max} replicas: min is above max"
        source.fail("autoscaling-range", message, (*place, given), hint="min is 1 and max is 4 unless given")


def _check_step_keys(source: Source, path: KeyPath, service: MicroService) -> None:
    if service.condition is not None:
        check_condition(source, (*path, "condition"), service.condition)
    for key in ("condition", "dependency"):
        if getattr(service, key) is not None and not is_step(service):
            message = f"{key} belongs to a step of the flow, but this service stands beside it"
            source.fail("not-a-step", message, (*path, key), key=True, hint=f"take {key} out")


def _check_variables(source: Source, path: KeyPath, service: MicroService) -> None:
    """A variable has one value."""
    owners = dict.fromkeys(service.environment, "environment")
    for key, given in (("uses", service.uses), ("secrets", service.secrets)):
        for variable in given:
            if variable in owners:
                message = f"{variable} is set by {owners[variable]}, too"
                place = (*path, key, variable)
                source.fail("variable-clash", message, place, key=True, hint="keep one of them")
            owners[variable] = key


def _check_uses(source: Source, path: KeyPath, own: str, services: Mapping[str, MicroService]) -> None:
    for variable, name in services[own].uses.items():
        place = (*path, "uses", variable)
        if name not in services:
            hint = suggestion(name, {service.alias or name for name, service in services.items()})
            message = f"uses names {shown(name)}, which is no service of {SERVICES}"
            source.fail("unknown-service", message, place, hint=hint)
        if name == own:
            message = "a service cannot use itself"
            source.fail("self-use", message, place, hint="name the service that it calls")


def _check_ports(source: Source, document: Document, services: Mapping[str, MicroService]) -> None:
    owners: dict[int, str] = {}
    if document.opea_mega_service.port:
        owners[document.opea_mega_service.port] = _MEGA
    for name, service in services.items():
        if service.port is None or service.url:
            continue
        given = service.alias or name
        if service.port in owners:
            message = f"port {service.port} is taken by {owners[service.port]}"
            hint = "give each its own, or none: then a free one is found"
            source.fail("duplicate-port", message, (SERVICES, given, "port"), hint=hint)
        owners[service.port] = given
