"""Paths into JSON: the part of gjson's syntax that finds values, without the part that changes them.

Own code because the one Python port is under the GPL. Not there: ``@`` modifiers, ``|`` pipes,
``{}`` and ``[]`` multipaths, ``!`` literals and ``~`` comparisons; they are refused, never ignored.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MISSING: Any = object()
"""What a path finds where there is nothing; JSON's null is something."""

_OPERATORS = ("==", "!=", "<=", ">=", "!%", "<", ">", "%", "=")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class _Key:
    """``name``, ``na*e``, or ``0`` of an array."""

    name: str
    pattern: re.Pattern[str] | None = None

    def get(self, value: Any) -> Any:
        if isinstance(value, list):
            index = int(self.name) if re.fullmatch(r"[0-9]{1,9}", self.name) else len(value)
            return value[index] if index < len(value) else MISSING
        return value.get(self.name, MISSING) if isinstance(value, dict) else MISSING

    def matches(self, value: dict[str, Any]) -> Iterator[Any]:
        """Of an object, the values whose keys fit the pattern."""
        return (found for key, found in value.items() if self.pattern is None or self.pattern.match(key))


@dataclass(frozen=True)
class _Each:
    """``#``: the length of an array, or with more behind it, that of each element."""


@dataclass(frozen=True)
class _Query:
    """``#(path op value)``: the first element that fits, or with ``#`` behind, all of them."""

    path: Path
    sign: str
    wanted: str
    every: bool

    def fits(self, element: Any) -> bool:
        found = self.path.find(element)
        return found is not MISSING and (not self.sign or _compare(found, self.sign, self.wanted))


@dataclass(frozen=True)
class Path:
    """A parsed path."""

    parts: tuple[_Key | _Each | _Query, ...] = ()

    def find(self, value: Any) -> Any:
        """The value at the path, or MISSING."""
        for position, part in enumerate(self.parts, start=1):
            rest = Path(self.parts[position:])
            if isinstance(part, _Key) and part.pattern is not None and isinstance(value, dict):
                return next(_each(rest, part.matches(value)), MISSING)
            if isinstance(part, _Key):
                value = part.get(value)
            elif not isinstance(value, list):
                return MISSING
            elif isinstance(part, _Each):
                return list(_each(rest, value)) if rest.parts else len(value)
            elif part.every:
                return list(_each(rest, (element for element in value if part.fits(element))))
            else:
                value = next((element for element in value if part.fits(element)), MISSING)
            if value is MISSING:
                break
        return value


def parse_path(text: str) -> Path:
    """Parse. Raises ValueError with what is wrong."""
    dots = [index for index in plain(text) if text[index] == "."]
    starts, ends = [0, *(dot + 1 for dot in dots)], [*dots, len(text)]
    return Path(tuple(_part(text[start:end]) for start, end in zip(starts, ends, strict=True)))


def plain(text: str, *, quotes: bool = False) -> Iterator[int]:
    """Indexes of the characters outside queries and (if asked) quotes, and not escaped.

    Raises:
        ValueError: a query or a quote does not end.
    """
    depth, quoted, escaped = 0, False, False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == '"' and (quotes or depth):
            quoted = not quoted
        elif quoted:
            continue
        elif char == "(" and text[index - 1 : index] == "#":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif not depth:
            yield index
    if depth or quoted or escaped:
        raise ValueError("a bracket, a quote or an escape does not end")


def text_of(value: Any) -> str | None:
    """A scalar as ``==`` sees it, so that ``1`` and ``"1"`` are the same; None for objects and arrays."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    if value is None:
        return "null"
    return str(value) if isinstance(value, int | str) else None


def unquote(text: str) -> str:
    """A value as it stands in a condition: in JSON's quotes or without. Raises ValueError."""
    text = text.strip()
    if not text.startswith('"'):
        return text
    try:
        value = json.loads(text)
    except ValueError:
        raise ValueError("a text in quotes does not end well") from None
    return str(value)


def _each(rest: Path, elements: Iterable[Any]) -> Iterator[Any]:
    found = (rest.find(element) for element in elements)
    return (value for value in found if value is not MISSING)


def _part(text: str) -> _Key | _Each | _Query:
    if text == "#":
        return _Each()
    if text.startswith("#("):
        return _query(text)
    if not text:
        raise ValueError("a path has no name between two dots")
    if text[0] in "#@!{[" or any(text[index] == "|" for index in plain(text)):
        raise ValueError("it has a form of gjson that the router does not run")
    return _key(text)


def _key(text: str) -> _Key:
    name, glob, wild, escaped = "", "", False, False
    for char in text:
        if char == "\\" and not escaped:
            escaped = True
            continue
        star = char in "*?" and not escaped
        wild = wild or star
        glob += char if star or char not in "*?[" else f"[{char}]"
        name, escaped = name + char, False
    return _Key(name, re.compile(fnmatch.translate(glob)) if wild else None)


def _query(text: str) -> _Query:
    every = text.endswith(")#")
    if not (every or text.endswith(")")):
        raise ValueError("something stands behind a query's bracket")
    inner = text[2 : -2 if every else -1].strip()
    at = next((index for index in plain(inner, quotes=True) if inner[index] in "=!<>%"), len(inner))
    sign = next((sign for sign in _OPERATORS if inner.startswith(sign, at)), "")
    left, right = inner[:at].strip(), inner[at + len(sign) :].strip()
    if (not sign and at < len(inner)) or (sign and not right) or not inner or right.startswith("~"):
        raise ValueError("#(...) holds no query that the router runs")
    return _Query(parse_path(left) if left else Path(), sign, unquote(right), every)


def _compare(found: Any, sign: str, wanted: str) -> bool:
    """As gjson: the found value's type decides how the two are compared."""
    if sign in ("%", "!%"):
        pattern = _key(wanted).pattern
        like = isinstance(found, str) and (pattern.match(found) is not None if pattern else found == wanted)
        return like is (sign == "%") and isinstance(found, str)
    if isinstance(found, str):
        return _ORDER[sign](found, wanted)
    if isinstance(found, bool) or found is None:
        return sign in ("=", "==", "!=") and _ORDER[sign](text_of(found), wanted)
    if not isinstance(found, int | float):
        return False
    try:
        return _ORDER[sign](found, float(wanted))
    except ValueError:
        return sign == "!="
