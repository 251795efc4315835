"""Whether a document has the language's keys and kinds of values; every mistake is found at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from opea_pulumi.errors import ApplicationError, Location

from ._model import MAX_SERVICES, Document
from ._source import KeyPath, Source, key_path, quoted_key, suggestion


def document_of(source: Source) -> Document:
    """The document in its shape.

    Raises:
        ApplicationError: the first mistake in the file; the others are in its ``also``.
    """
    if not isinstance(source.data, Mapping):
        source.fail(
            "not-an-application",
            "the document is not a mapping",
            hint="it needs the keys opea_micro_services and opea_mega_service",
        )
    try:
        return Document.model_validate(source.data)
    except ValidationError as error:
        found = error.errors(include_url=False)
    # a misspelt key explains the one that is missing beside it
    misspelt = {item["loc"][:-1] for item in found if item["type"] == "extra_forbidden"}
    problems = [
        _problem(source, item)
        for item in found
        if item["type"] != "missing" or item["loc"][:-1] not in misspelt
    ]
    first, *others = sorted(problems, key=lambda item: _in_order(source, item))
    first.also = tuple(others)
    raise first


def type_at(path: KeyPath) -> Any:
    """What stands at a key path of the document: a model, a plain type, ``dict``, ``list``; or ``None``."""
    at: Any = Document
    for part in path:
        at = _inside(at, part)
    return get_origin(at) or at


def model_at(path: KeyPath) -> type[BaseModel] | None:
    """The model of the mapping at a key path of the document; ``None`` where keys are free."""
    at = type_at(path)
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


def known_keys(model: type[BaseModel]) -> Iterator[str]:
    """A model's keys as they are written."""
    for name, field in model.model_fields.items():
        yield field.alias or name


def _inside(at: Any, part: str | int) -> Any:
    if isinstance(at, type) and issubclass(at, BaseModel):
        fields = {field.alias or name: field for name, field in at.model_fields.items()}
        return _bare(fields[str(part)].annotation) if part in fields else None
    return _bare(get_args(at)[-1]) if get_origin(at) in (dict, list) else None


def _bare(annotation: Any) -> Any:
    """A type without its constraints and without ``None``."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        arguments = get_args(annotation)
        annotation = arguments[0]
        if annotation is type(None):
            annotation = arguments[1]
    return annotation


def _in_order(source: Source, error: ApplicationError) -> tuple[bool, int, int]:
    place = error.location or Location()
    return place.file != source.file, place.line or 0, place.column or 0


def _problem(source: Source, item: Any) -> ApplicationError:
    path: KeyPath = tuple(part for part in item["loc"] if part != "[key]")
    # the input itself is not shown: a secret may stand where it does not belong
    if item["type"] == "extra_forbidden":
        model = model_at(path[:-1])
        hint = suggestion(str(path[-1]), known_keys(model)) if model else ""
        return source.error("unknown-key", f"unknown key {quoted_key(path[-1])}", path, hint=hint, key=True)
    if item["type"] == "missing":
        message, place = f"{quoted_key(path[-1])} is missing", path[:-1]
        return source.error("missing-key", message, place, hint=_value_hint(path))
    if item["loc"][-1] == "[key]":
        hint = _NAME_HINTS.get(str(path[-2]), _NAMES)
        return source.error("bad-name", f"{quoted_key(path[-1])} is no name", path, hint=hint, key=True)
    name = key_path(path[-2:] if isinstance(path[-1], int) else path[-1:])
    hint = _value_hint(path)
    if item["type"] == "string_type" and not isinstance(item["input"], list | dict | None):
        hint = "put it in quotes"
    return source.error("bad-value", f"{name} {_wrong(item, path)}", path, hint=hint)


_PLAIN = {
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "list_type": "must be a list",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "string_pattern_mismatch": "is not well formed",
    "int_type": "must be a whole number",
    "greater_than_equal": "is too low",
    "less_than_equal": "is too high",
    "too_long": f"has more than {MAX_SERVICES} entries",
}


def _wrong(item: Any, path: KeyPath) -> str:
    """What is wrong with a value, without the value."""
    if item["type"] == "model_type" and (path[-1] == "server" or "steps" in path[-2:-1]):
        return "must be a name or a mapping"
    other = str(item["msg"]).removeprefix("Value error, ")
    return _PLAIN.get(item["type"]) or other.replace("Input should be", "must be")


_NAMES = "at most 63 letters, digits and - _ . with a letter or digit at both ends"
_VARIABLES = "letters, digits and underscores, such as LOG_LEVEL"
_NAME_HINTS = {
    "environment": _VARIABLES,
    "uses": _VARIABLES,
    "secrets": "in small letters, as in hf-token; in a service, variables such as WEATHER_API_KEY",
    "files": "the absolute path that the service finds the file at, such as /etc/app/agent.yaml",
    "labels": "as in Kubernetes, such as team or example.com/team",
}
_AMOUNT = "as in Kubernetes, in quotes: 500m or 4 processors, 16Gi of memory"
_COUNT = "a whole number from 1 to 1000"
_URL = "a url is http:// or https:// and a host, maybe a port and a path; keys are given as secrets"
_HINTS = {
    "port": "a port is a number from 1 to 65535",
    "endpoint": "an endpoint is a path such as /v1/chatqna",
    "url": _URL,
    "address": "such as 127.0.0.1, 0.0.0.0:8443 or [::1]:8443; --expose is its flag",
    "hub_mirror": _URL,
    "mega_flow": "a list of lines, such as '- embedding >> retrieval >> llm'",
    "opea_app": "a name such as chatqna",
    "environment": "names and their values, such as {LOG_LEVEL: debug}",
    "cpu": _AMOUNT,
    "memory": _AMOUNT,
    "ephemeral_storage": _AMOUNT,
    "accelerator_memory": _AMOUNT,
    "size": _AMOUNT,
    "accelerators": "a whole number from 1 to 64",
    "replicas": _COUNT,
    "min": _COUNT,
    "max": _COUNT,
    "uses": "variables and the services whose addresses they get, such as {TOOLS_URL: tools}",
    "files": "where the service finds each file, and its path in the application's folder",
    "server": "a name such as vllm, or {kind: vllm, args: [...]}",
    "nodes": "such as: nodes: {choice: {kind: Switch, steps: [a, {name: b, condition: key==value}]}}",
    "resources": "such as: {cpu: '4', memory: 16Gi}",
    "labels": "names and their values, such as {team: search}",
    "proxy": "such as: {http: 'http://proxy.example.com:3128', no: 10.0.0.0/8}",
    "secrets": "of a service {WEATHER_API_KEY: weather-api-key}; "
    "of the deployment {hf-token: {from: existing, name: my-secret}}",
    "patches": "a list of {target: ..., merge: {...}} or {target: ..., json_patch: [...]}",
}


def _value_hint(path: KeyPath) -> str:
    names = [str(part) for part in reversed(path)]
    # what a mapping of one's own names is no key of the language
    free = {str(path[index + 1]) for index in range(len(path) - 1) if model_at(path[: index + 1]) is None}
    return next((_HINTS[name] for name in names if name in _HINTS and name not in free), "")
