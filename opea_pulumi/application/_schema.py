"""The JSON Schema of the unified YAML, for editors; schema.json is what this makes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from . import _deployment, _model
from ._fields import ADDRESS, NAME, RELATIVE_PATH, URL, Part
from ._model import Document
from ._types import service_types
from ._yaml import SAFE_LOADER

_STEP = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_GROUP = rf"({_STEP}|\(\s*{_STEP}(\s*,\s*{_STEP})*\s*\))"
FLOW_LINE = rf"^\s*{_GROUP}(\s*>>\s*{_GROUP})*\s*$"
"""The grammar of a line of ``mega_flow`` as one expression."""

_PORT = r"0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_STRICTER = {
    # what the models check beyond their patterns
    URL: rf"^https?://([^\s/?#@\\:\[\]]+|\[[0-9A-Fa-f:.]+\])(:({_PORT})?)?(/[^\s?#]*)?$",
    ADDRESS: rf"^(localhost|{_OCTET}(\.{_OCTET}){{3}}|\[[0-9A-Fa-f:.]+\])(:{_PORT})?$"
    r"|^[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*$",
    RELATIVE_PATH: RELATIVE_PATH.replace("^", r"^(?!(.*/)?\.\.(/|$))", 1),
}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a document in one file."""
    _, schema = models_json_schema([(Document, "validation")], by_alias=True)
    models = {model.__name__: model for model in _models()}
    texts = yaml.load(files(__package__).joinpath("keys.yaml").read_text("utf-8"), Loader=SAFE_LOADER)  # noqa: S506
    definitions = schema["$defs"]
    for name, definition in definitions.items():
        definition["title"] = _spaced(name.removesuffix("Spec"))
        if name in models:
            definition["description"] = _plain(inspect.getdoc(models[name]) or "")
            _describe(definition, texts[name])
        elif "description" in definition:
            definition["description"] = _plain(definition["description"])
    _shorthands(definitions)
    _tighten(definitions)
    root = definitions.pop("Document")
    root |= {
        "title": "OPEA application",
        "description": "The unified YAML of opea-pulumi, a superset of OPEA's RFC.",
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _models() -> Iterator[type[BaseModel]]:
    for module in (_deployment, _model):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Part):
                yield value


def _describe(definition: dict[str, Any], texts: dict[str, str]) -> None:
    if texts.keys() != definition["properties"].keys():
        wrong = sorted(texts.keys() ^ definition["properties"].keys())
        raise KeyError(f"keys.yaml and the models differ in {', '.join(wrong)}")
    for key, item in definition["properties"].items():
        item.pop("title", None)
        if item.get("default", "") is None:
            del item["default"]
        definition["properties"][key] = {"description": texts[key], **item}


def _shorthands(definitions: dict[str, Any]) -> None:
    """What the models read from shorter forms, and what they leave to later checks."""
    service = definitions["MicroServiceSpec"]["properties"]
    service["server"]["anyOf"].insert(0, {"type": "string", "minLength": 1})
    service["type"]["examples"] = list(service_types())
    steps = definitions["NodeSpec"]["properties"]["steps"]
    steps["items"] = {"anyOf": [{"type": "string", "pattern": NAME}, steps["items"]]}
    definitions["MegaServiceSpec"]["properties"]["mega_flow"]["items"]["pattern"] = FLOW_LINE


def _tighten(schema: Any) -> None:
    if isinstance(schema, list):
        for item in schema:
            _tighten(item)
    if not isinstance(schema, dict):
        return
    if "patternProperties" in schema:
        patterns = schema["patternProperties"]
        schema["patternProperties"] = {_STRICTER.get(key, key): value for key, value in patterns.items()}
        schema["additionalProperties"] = False
    if isinstance(schema.get("pattern"), str):
        schema["pattern"] = _STRICTER.get(schema["pattern"], schema["pattern"])
    for item in schema.values():
        _tighten(item)


def _plain(text: str) -> str:
    """A docstring without its markup, on one line."""
    return " ".join(re.sub(r"``|:class:", "", text).split())


def _spaced(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
