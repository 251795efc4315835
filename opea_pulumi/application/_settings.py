"""Settings beside the file: a stack's configuration and flags, laid over the document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from opea_pulumi.errors import ApplicationError, Location

from ._shape import known_keys, model_at, type_at
from ._source import KeyPath, Mark, Source, overlaid, places, suggestion
from ._yaml import parse

_ORIGINS = {"config": "config opea:{}", "flag": "flag --{}"}
_DEPLOYMENT = "opea_deployment"
_FLAGS = {"address": "expose"}
"""Flags that have another name than their setting."""


def setting_paths() -> dict[str, KeyPath]:
    """The places of all settings in a document, by their names as flags have them, with underscores."""
    deployment = model_at((_DEPLOYMENT,))
    names = known_keys(deployment) if deployment else ()
    return {
        "release": ("opea_release",),
        "orchestrator": ("opea_mega_service", "orchestrator"),
        **{name: (_DEPLOYMENT, name) for name in names},
    }


def config_keys() -> list[str]:
    """All settings by their names in a stack's configuration: camel case, without the namespace."""
    return [config_key(name) for name in setting_paths()]


def config_key(name: str) -> str:
    """A setting's name as a stack's configuration has it: ``vector_store`` is ``vectorStore``."""
    first, *words = name.replace("-", "_").split("_")
    return first + "".join(word.title() for word in words)


def settings_in(config: Mapping[str, str]) -> dict[str, str]:
    """Those of a stack's configuration (keys with or without ``opea:``) that are settings of the language."""
    known = setting_paths()
    plain = {key.removeprefix("opea:"): value for key, value in config.items()}
    return {key: value for key, value in plain.items() if _snake(key) in known}


def with_settings(source: Source, settings: Mapping[str, str], origin: str) -> Source:
    """The document with settings laid over it; empty ones are none.

    Raises:
        ApplicationError: there is no such setting, or it is no YAML where a mapping belongs.
    """
    known = setting_paths()
    for key, text in settings.items():
        name = _FLAGS.get(key, key).replace("_", "-") if origin == "flag" else key
        label = _ORIGINS.get(origin, f"{origin} {{}}").format(name)
        path = known.get(_snake(key))
        if path is None:
            names = [_styled(name, origin) for name in known]
            message, hint = "there is no such setting", suggestion(key, names)
            raise ApplicationError(message, code="unknown-setting", location=Location(label), hint=hint)
        if text:
            source = overlaid(source, _layer(label, path, _value(path, text, label)))
    return source


def _layer(label: str, path: KeyPath, value: Any) -> Source:
    """A document with one value, which stands nowhere but has an origin."""
    data = value
    for part in reversed(path):
        data = {part: data}
    layer = Source(label, data)
    layer.marks = {place: Mark(label) for place in places((), data)}
    return layer


def _value(path: KeyPath, text: str, label: str) -> Any:
    kind = type_at(path)
    if kind is bool:
        return {"true": True, "false": False}.get(text, text)
    if kind is dict or (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return parse(text, label).data
    return text


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower().replace("-", "_")


def _styled(name: str, origin: str) -> str:
    return name.replace("_", "-") if origin == "flag" else config_key(name)
