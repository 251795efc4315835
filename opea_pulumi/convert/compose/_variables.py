"""Compose's interpolation: ``$NAME``, ``${NAME:-default}`` and the like, as far as values are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-+?]")
_DEEPEST = 10


@dataclass(frozen=True)
class Text:
    """A value with its variables filled in; ``missing`` names those that have none (they count as empty)."""

    value: str = ""
    missing: tuple[str, ...] = ()


def expand(text: str, variables: Mapping[str, str], depth: int = 0) -> Text:
    """Fill in variables; what Compose would refuse stays as it is written."""
    parts: list[str] = []
    missing: list[str] = []
    position = 0
    while (start := text.find("$", position)) >= 0 and depth <= _DEEPEST:
        found, end = _variable(text, start, variables, depth)
        parts += [text[position:start], found.value]
        missing += found.missing
        position = end
    return Text("".join([*parts, text[position:]]), tuple(dict.fromkeys(missing)))


def _variable(text: str, start: int, variables: Mapping[str, str], depth: int) -> tuple[Text, int]:
    """What stands at a dollar sign, and where it ends."""
    if text.startswith("$$", start):
        return Text("$"), start + 2
    if text.startswith("${", start):
        end = _closing(text, start + 2)
        if end > 0:
            return _braced(text[start + 2 : end], variables, depth), end + 1
    name = _NAME.match(text, start + 1)
    if name is None:
        return Text("$"), start + 1
    return _lookup(name[0], variables), name.end()


def _closing(text: str, position: int) -> int:
    depth = 1
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
        depth -= text[position] == "}"
        if depth == 0:
            return position
        position += 1
    return -1


def _lookup(name: str, variables: Mapping[str, str]) -> Text:
    return Text(variables[name]) if name in variables else Text(missing=(name,))


def _braced(body: str, variables: Mapping[str, str], depth: int) -> Text:
    name = _NAME.match(body)
    if name is None:
        return Text(f"${{{body}}}")
    rest = body[name.end() :]
    operator = _OPERATOR.match(rest)
    if operator is None:
        return _lookup(name[0], variables)
    value = variables.get(name[0])
    is_set = bool(value) if operator[0].startswith(":") else value is not None
    other = rest[operator.end() :]
    if operator[0].endswith("+"):
        return expand(other, variables, depth + 1) if is_set else Text()
    if is_set:
        return Text(value or "")
    return expand(other, variables, depth + 1) if operator[0].endswith("-") else Text(missing=(name[0],))
