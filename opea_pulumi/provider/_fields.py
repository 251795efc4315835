"""Checks of a resource's inputs against a table of fields; every fault is a property path and a reason."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure

from opea_pulumi.provider._values import Properties, is_unknown, lift, plain, plain_map

Rule = Callable[[PropertyValue], Iterator[tuple[str, str]]]
"""Yields the faults of a value: (the rest of the path, the reason)."""


@dataclass(frozen=True)
class Field:
    """One input: its rule, whether it must be given, and the default applied in check."""

    rule: Rule
    required: bool = False
    default: Any = None


def check_fields(fields: Mapping[str, Field], given: Properties) -> tuple[Properties, list[CheckFailure]]:
    """The given inputs with defaults applied and nulls dropped, and everything that is wrong with them.

    Secrets stay secret and unknown values stay unknown; no reason holds a value.
    """
    inputs = {
        key: value for key, value in given.items() if value.value is not None and not key.startswith("__")
    }
    failures = [CheckFailure(key, _unknown_key(key, fields)) for key in inputs if key not in fields]
    for name, field in fields.items():
        if name in inputs:
            failures += [CheckFailure(f"{name}{path}", reason) for path, reason in field.rule(inputs[name])]
        elif field.required:
            failures.append(CheckFailure(name, "is required"))
        elif field.default is not None:
            inputs[name] = lift(field.default)
    return inputs, failures


def changed(fields: Iterable[str], old: Properties, new: Properties) -> dict[str, tuple[bool, bool]]:
    """The inputs that differ, each with (it was there, it is there); what is not known yet counts."""
    before, after = plain_map(old), plain_map(new)
    names = [name for name in fields if before.get(name) != after.get(name) or _is_unknown(new.get(name))]
    return {name: (name in before, name in new) for name in names}


def _is_unknown(value: PropertyValue | None) -> bool:
    return value is not None and is_unknown(value)


def text(check: Callable[[str], str] | None = None) -> Rule:
    """A string; ``check`` returns what is wrong with it, or nothing."""

    def rule(value: PropertyValue) -> Iterator[tuple[str, str]]:
        if is_unknown(value):
            return
        if not isinstance(value.value, str):
            yield "", f"must be a string, not {_kind(value)}"
        elif "\0" in value.value:
            yield "", "must not contain a NUL character"
        elif check and (reason := check(value.value)):
            yield "", reason

    return rule


def texts(value: PropertyValue) -> Iterator[tuple[str, str]]:
    """A list of strings that is not empty and does not begin with an empty one."""
    if is_unknown(value) and isinstance(value.value, str):
        return
    if not isinstance(value.value, Sequence) or isinstance(value.value, str):
        yield "", f"must be a list of strings, not {_kind(value)}"
    elif not value.value or value.value[0].value == "":
        yield "", "must begin with the program to run"
    else:
        for index, part in enumerate(value.value):
            yield from ((f"[{index}]{path}", reason) for path, reason in text()(part))


def text_map(check_key: Callable[[str], str] | None = None) -> Rule:
    """A map of strings; ``check_key`` returns what is wrong with a key, or nothing."""

    def rule(value: PropertyValue) -> Iterator[tuple[str, str]]:
        if is_unknown(value) and isinstance(value.value, str):
            return
        if not isinstance(value.value, Mapping):
            yield "", f"must be a map of strings, not {_kind(value)}"
            return
        for key, part in value.value.items():
            if check_key and (reason := check_key(key)):
                yield f'["{key}"]', reason
            yield from ((f'["{key}"]', reason) for _, reason in text()(part))

    return rule


def whole(low: int, high: int) -> Rule:
    """A whole number from ``low`` to ``high``."""
    return _number(low, high, whole_only=True)


def seconds(high: int = 86_400) -> Rule:
    """A time in seconds, from 0 to ``high``."""
    return _number(0, high, whole_only=False)


def absolute_path(path: str) -> str:
    """What is wrong with ``path`` as an absolute folder that is not the root."""
    pure = PurePath(path)
    if not pure.is_absolute():
        return "must be an absolute path"
    return "must not be the root of the file system" if pure == PurePath(pure.anchor) else ""


def _number(low: int, high: int, *, whole_only: bool) -> Rule:
    def rule(value: PropertyValue) -> Iterator[tuple[str, str]]:
        if is_unknown(value):
            return
        number = plain(value)
        if isinstance(number, bool) or not isinstance(number, int | float):
            yield "", f"must be a number, not {_kind(value)}"
        elif whole_only and not isinstance(number, int):
            yield "", "must be a whole number"
        elif not low <= number <= high:
            yield "", f"must be from {low} to {high}"

    return rule


def _kind(value: PropertyValue) -> str:
    return {
        "Bool": "a boolean",
        "Number": "a number",
        "String": "a string",
        "Array": "a list",
        "Map": "a map",
    }.get(value.type.value, value.type.value.lower())


def _unknown_key(key: str, fields: Mapping[str, Field]) -> str:
    close = difflib.get_close_matches(key, fields, n=1)
    return "is not an input of this resource" + (f"; did you mean '{close[0]}'?" if close else "")
