"""Property values of the SDK to plain Python and back, with unknown and secret values kept apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN

Properties = dict[str, PropertyValue]


def unknown() -> PropertyValue:
    """A value that is only known after the update.

    The SDK's own ``PropertyValue.computed()`` cannot be marshalled (3.272); the wire's marker can.
    """
    return PropertyValue(UNKNOWN)


def is_unknown(value: PropertyValue) -> bool:
    """Whether any part of the value is not known yet."""
    return isinstance(value.value, Computed) or value.value == UNKNOWN or any(map(is_unknown, _parts(value)))


def plain(value: PropertyValue) -> Any:
    """The value as plain Python; whole numbers, which the wire carries as floats, become integers."""
    inner = value.value
    if isinstance(inner, Mapping):
        return {key: plain(part) for key, part in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(part) for part in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """The known values as plain Python; nulls are left out, as if not given."""
    known = {key: plain(value) for key, value in values.items() if not is_unknown(value)}
    return {key: value for key, value in known.items() if value is not None}


def lift(value: object, *, secret: bool = False) -> PropertyValue:
    """A plain Python value as a property value."""
    if isinstance(value, Mapping):
        return PropertyValue({key: lift(part) for key, part in value.items()}, is_secret=secret)
    if isinstance(value, list | tuple):
        return PropertyValue([lift(part) for part in value], is_secret=secret)
    if isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    assert value is None or isinstance(value, bool | float | str)  # noqa: S101
    return PropertyValue(value, is_secret=secret)


def secret_texts(value: PropertyValue, *, inherited: bool = False) -> Iterator[str]:
    """Every text that is, or is inside, a secret."""
    secret = inherited or value.is_secret
    if secret and isinstance(value.value, str):
        yield value.value
    for part in _parts(value):
        yield from secret_texts(part, inherited=secret)


def _parts(value: PropertyValue) -> Sequence[PropertyValue]:
    inner = value.value
    if isinstance(inner, Mapping):
        return list(inner.values())
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return inner
    return []
