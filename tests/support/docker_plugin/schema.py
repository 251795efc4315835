"""The plugin's types as a Pulumi schema, for programs in languages that ask for it (YAML)."""

import json
from typing import Any

from .fields import Field, types

_SIMPLE = {"str": "string", "duration": "string", "bool": "boolean", "int": "integer"}
_ANY = {"$ref": "pulumi.json#/Any"}


def schema(version: str) -> str:
    """JSON of a PackageSpec (https://www.pulumi.com/docs/iac/extending-pulumi/schema/)."""
    spec: dict[str, Any] = {"name": "docker", "version": version, "resources": {}, "types": {}}
    for token, of in types().items():
        name = token.rpartition(":")[2]
        shapes = {key: _shape(spec["types"], name, key, fact) for key, fact in of.properties.items()}
        inputs = {key: shapes[key] for key, fact in of.properties.items() if not fact.output}
        required = [key for key, fact in of.properties.items() if "required" in fact.flags]
        spec["resources"][token] = {
            "properties": shapes,
            "inputProperties": inputs,
            "requiredInputs": required,
            "required": [key for key, fact in of.properties.items() if fact.output or key == "name"],
        }
    return json.dumps(spec)


def _shape(made: dict[str, Any], owner: str, key: str, fact: Field) -> dict[str, Any]:
    """The type of a property; those of blocks are added to ``made``."""
    if fact.kind in _SIMPLE:
        return {"type": _SIMPLE[fact.kind]}
    if fact.kind in ("list", "set"):
        return {"type": "array", "items": _ANY if fact.output else {"type": "string"}}
    if fact.kind == "map":
        return {"type": "object", "additionalProperties": {"type": "string"}}
    name = f"{owner}{key[0].upper()}{key[1:]}"
    parts = {each: _shape(made, name, each, inner) for each, inner in fact.fields.items()}
    made[f"docker:index/{name}:{name}"] = {"type": "object", "properties": parts}
    ref = {"$ref": f"#/types/docker:index%2F{name}:{name}"}
    return ref if fact.kind == "object" else {"type": "array", "items": ref}
