"""From a parsed document to an Application; every mistake is found at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from opea_pulumi.errors import ApplicationError, Location, shown

from ._mega_flow import FlowSyntaxError, MegaFlow, line_edges, parse_line
from ._model import (
    MAX_SERVICES,
    Application,
    DeploymentSpec,
    Document,
    MegaService,
    MegaServiceSpec,
    MicroService,
    MicroServiceSpec,
)
from ._types import canonical_name, infer_type, mega_endpoint, service_types
from ._yaml import KeyPath, Source, key_path, quoted_key, suggestion

_SERVICES = "opea_micro_services"
_MEGA = "opea_mega_service"
_FLOW: KeyPath = (_MEGA, "mega_flow")


def application_of(source: Source) -> Application:
    """Validate a parsed document.

    Raises:
        ApplicationError: the first mistake; further ones that were found with it are in its ``also``.
    """
    if not isinstance(source.data, Mapping):
        source.fail(
            "not-an-application",
            "the document is not a mapping",
            hint=f"it needs the keys {_SERVICES} and {_MEGA}",
        )
    document = _document(source)
    if not document.opea_micro_services and not document.opea_app:
        source.fail(
            "no-services",
            f"{_SERVICES} is missing or empty",
            (_SERVICES,),
            hint="or name a known application with opea_app",
        )
    services = _services(source, document)
    flow = _flow(source, document, services)
    _check_reached(source, services, flow)
    _check_ports(source, document, services)
    types = [services[name].type for name in flow.nodes]
    endpoint = document.opea_mega_service.endpoint or (mega_endpoint(types) if types else None)
    return Application(
        name=document.opea_app,
        release=document.opea_release,
        services=services,
        mega=MegaService(port=document.opea_mega_service.port, endpoint=endpoint, flow=flow),
        deployment=document.opea_deployment,
    )


def _document(source: Source) -> Document:
    try:
        return Document.model_validate(source.data)
    except ValidationError as error:
        first, *others = sorted((_problem(source, item) for item in error.errors()), key=_line_of)
        first.also = tuple(others)
        raise first from None


def _line_of(error: ApplicationError) -> tuple[int, int]:
    place = error.location or Location()
    return place.line or 0, place.column or 0


_MODELS: Mapping[str, type[BaseModel]] = {_MEGA: MegaServiceSpec, "opea_deployment": DeploymentSpec}


def _problem(source: Source, item: Any) -> ApplicationError:
    path: KeyPath = tuple(part for part in item["loc"] if part != "[key]")
    # the input itself is not shown: a secret may stand where it does not belong
    if item["type"] == "extra_forbidden":
        hint = suggestion(str(path[-1]), _known_keys(path[:-1]))
        return _error(source, "unknown-key", f"unknown key {quoted_key(path[-1])}", path, hint, key=True)
    if item["loc"][-1] == "[key]":
        return _error(
            source, "bad-name", f"{quoted_key(path[-1])} is no name", path, _name_hint(path), key=True
        )
    name = key_path(path[-2:] if isinstance(path[-1], int) else path[-1:])
    hint = _value_hint(path)
    if item["type"] == "string_type" and not isinstance(item["input"], list | dict | None):
        hint = "put it in quotes"
    return _error(source, "bad-value", f"{name} {_wrong(item)}", path, hint)


def _wrong(item: Any) -> str:
    """What is wrong with a value, without the value."""
    plain = {
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "list_type": "must be a list",
        "string_type": "must be text",
        "string_too_short": "must not be empty",
        "string_pattern_mismatch": "is not well formed",
        "int_type": "must be a whole number",
        "greater_than_equal": "is too low",
        "less_than_equal": "is too high",
        "too_long": f"has more than {MAX_SERVICES} entries",
    }
    other = str(item["msg"]).removeprefix("Value error, ")
    return plain.get(item["type"]) or other.replace("Input should be", "must be")


def _name_hint(path: KeyPath) -> str:
    if path[0] == _SERVICES and len(path) == 2:
        return "at most 63 letters, digits and - _ . with a letter or digit at both ends"
    return "letters, digits and underscores, such as LOG_LEVEL"


def _value_hint(path: KeyPath) -> str:
    hints = {
        "port": "a port is a number from 1 to 65535",
        "endpoint": "an endpoint is a path such as /v1/chatqna",
        "url": "a url is http:// or https:// and a host, maybe a port and a path; keys are given as secrets",
        "mega_flow": "a list of lines, such as '- embedding >> retrieval >> llm'",
        "opea_app": "a name such as chatqna",
        "environment": "names and their values, such as {LOG_LEVEL: debug}",
    }
    return next((hints[str(part)] for part in reversed(path) if str(part) in hints), "")


def _error(
    source: Source, code: str, message: str, path: KeyPath, hint: str = "", *, key: bool = False
) -> ApplicationError:
    return ApplicationError(message, code=code, location=source.location(path, key=key), hint=hint)


def _known_keys(path: KeyPath) -> Iterator[str]:
    model: type[BaseModel] = Document
    if path:
        model = _MODELS.get(str(path[0]), MicroServiceSpec)
    yield from model.model_fields


def _services(source: Source, document: Document) -> dict[str, MicroService]:
    services: dict[str, MicroService] = {}
    for given, spec in document.opea_micro_services.items():
        path = (_SERVICES, given)
        name = canonical_name(given)
        if name in services:
            other = services[name].alias or name
            source.fail(
                "duplicate-service",
                f"{quoted_key(given)} and {quoted_key(other)} are the same service",
                path,
                key=True,
                hint="keep one of them",
            )
        services[name] = _service(source, path, given, spec or MicroServiceSpec())
    return services


def _service(source: Source, path: KeyPath, given: str, spec: MicroServiceSpec) -> MicroService:
    kind = canonical_name(spec.type) if spec.type else infer_type(given)
    if kind is None:
        hint = f"give it a type: one of {', '.join(service_types())}"
        source.fail(
            "unknown-service",
            f"nothing is known of a service named {quoted_key(given)}",
            path,
            key=True,
            hint=hint,
        )
    if kind not in service_types():
        source.fail(
            "unknown-type",
            f"unknown type {shown(kind)}",
            (*path, "type"),
            hint=suggestion(kind, service_types()),
        )
    alias = given if canonical_name(given) != given else ""
    return MicroService.model_validate({**spec.model_dump(exclude_unset=True), "type": kind, "alias": alias})


def _flow(source: Source, document: Document, services: Mapping[str, MicroService]) -> MegaFlow:
    nodes: list[str] = []
    edges: list[tuple[str, str]] = []
    for index, line in enumerate(document.opea_mega_service.mega_flow):
        names, line_pairs = _line(source, index, line, services)
        nodes += names
        edges += line_pairs
    if not nodes and not document.opea_app:
        source.fail(
            "no-flow",
            "mega_flow is missing or empty",
            _FLOW,
            hint="such as: mega_flow: [embedding >> retrieval >> llm]",
        )
    try:
        return MegaFlow.of(nodes, edges)
    except ValueError as error:
        source.fail("cycle", f"the flow runs in a circle: {error}", _FLOW, hint="take one of its arrows out")


def _line(
    source: Source, index: int, line: str, services: Mapping[str, MicroService]
) -> tuple[list[str], list[tuple[str, str]]]:
    path = (*_FLOW, index)
    try:
        groups = parse_line(line)
    except FlowSyntaxError as error:
        place = source.location(path, offset=error.offset)
        raise ApplicationError(
            str(error), code="bad-flow", location=place, hint="such as: a >> (b, c) >> d"
        ) from None
    for item in (item for group in groups for item in group):
        _check_step(source.location(path, offset=item.offset), item.name, services)
    names = [canonical_name(item.name) for group in groups for item in group]
    return names, [(canonical_name(a), canonical_name(b)) for a, b in line_edges(groups)]


def _check_step(place: Location, given: str, services: Mapping[str, MicroService]) -> None:
    service = services.get(canonical_name(given))
    if service is None:
        hint = suggestion(given, {service.alias or name for name, service in services.items()})
        message = f"the flow names {shown(given)}, which is no service of {_SERVICES}"
        raise ApplicationError(message, code="unknown-service", location=place, hint=hint)
    if service_types()[service.type].side:
        message = f"a {service.type} service is no step of a flow"
        hint = "take it out of the flow; it is deployed beside it"
        raise ApplicationError(message, code="not-a-step", location=place, hint=hint)


def _check_reached(source: Source, services: Mapping[str, MicroService], flow: MegaFlow) -> None:
    kinds = service_types()
    for name, service in services.items():
        if flow.nodes and name not in flow.nodes and not kinds[service.type].side:
            given = service.alias or name
            message = f"no line of mega_flow names {quoted_key(given)}"
            hint = "add it to the flow or take it out"
            source.fail("unreachable-service", message, (_SERVICES, given), key=True, hint=hint)


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
            source.fail("duplicate-port", message, (_SERVICES, given, "port"), hint=hint)
        owners[service.port] = given
