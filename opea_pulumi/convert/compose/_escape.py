"""Compose replaces ``$NAME`` in every value of a file; what is no variable is escaped, in one place."""

from __future__ import annotations

from typing import Any


class Variable(str):
    """Text that Compose is meant to interpolate, such as ``${RENDER_GID:-109}``."""

    __slots__ = ()


def escaped(data: Any) -> Any:
    """Plain data for the YAML: ``$`` doubled in every text but :class:`Variable`."""
    if isinstance(data, dict):
        return {key: escaped(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [escaped(item) for item in data]
    if isinstance(data, Variable):
        return str(data)
    return data.replace("$", "$$") if isinstance(data, str) else data


def unescaped(data: Any) -> Any:
    """What :func:`escaped` was given."""
    if isinstance(data, dict):
        return {key: unescaped(value) for key, value in data.items()}
    if isinstance(data, list):
        return [unescaped(item) for item in data]
    return data.replace("$$", "$") if isinstance(data, str) else data
