"""Microservice types: what a name means, and what an application's endpoint is when it gives none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from ._yaml import SAFE_LOADER


@dataclass(frozen=True)
class ServiceType:
    """One microservice type of OPEA.

    ``side``: no step of a flow; ``asks``: a ``url`` is that of the server behind the service.
    """

    name: str
    aliases: tuple[str, ...]
    endpoint: str
    side: bool
    asks: bool


@cache
def _data() -> Mapping[str, Any]:
    text = files(__package__).joinpath("types.yaml").read_text("utf-8")
    data: dict[str, Any] = yaml.load(text, Loader=SAFE_LOADER)  # noqa: S506 - it is safe
    return data


@cache
def service_types() -> Mapping[str, ServiceType]:
    """Every known type by its canonical name, in the data file's order."""
    rows = _data()["types"]
    return {
        name: ServiceType(
            name, tuple(row["aliases"]), row["endpoint"], bool(row.get("side")), bool(row.get("asks"))
        )
        for name, row in rows.items()
    }


@cache
def _by_alias() -> Mapping[str, str]:
    return {alias: kind.name for kind in service_types().values() for alias in (kind.name, *kind.aliases)}


def canonical_name(name: str) -> str:
    """The name itself, or the type's name where the name is only another word for a type."""
    return _by_alias().get(name.lower(), name)


def infer_type(name: str) -> str | None:
    """The type that a service's name tells: itself, an alias, or its first or last word.

    ``embedding-large`` is an embedding; ``foo`` is ``None``.
    """
    known = _by_alias()
    if name.lower() in known:
        return known[name.lower()]
    words = re.split(r"[-_.]", name.lower())
    return known.get(words[0]) or known.get(words[-1])


def mega_endpoint(types: Iterable[str]) -> str:
    """The endpoint of a mega service whose flow has these types, in the flow's order."""
    flow = tuple(types)
    for row in _data()["mega_endpoints"]:
        if set(row["types"]) <= set(flow):
            return str(row["endpoint"])
    return service_types()[flow[-1]].endpoint if flow else "/"
