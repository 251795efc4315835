"""Protobuf structs to plain Python and back."""

import json
from typing import Any

from google.protobuf import json_format, struct_pb2

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A struct as Python values; whole numbers are integers, nulls are left out, secrets are opened."""
    value = _value(json_format.MessageToDict(struct))
    assert isinstance(value, dict)
    return value


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return _value(value["value"])
        return {name: _value(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_value(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """Python values as a struct; what is None is left out."""
    made = struct_pb2.Struct()
    made.update(_given(values))
    return made


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _given(part) for name, part in value.items() if part is not None}
    return [_given(part) for part in value] if isinstance(value, list | tuple) else value


def decoded(value: Any) -> Any:
    """A provider's setting: what is no text comes as JSON text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
