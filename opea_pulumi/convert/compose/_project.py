"""The services of a compose file in one shape, whichever of Compose's forms they are written in."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opea_pulumi.application import KeyPath, Source

from ._variables import Text, expand


@dataclass(frozen=True)
class ComposeService:
    """What tells a service's purpose; texts have their variables filled in.

    ``start`` is what the container starts (an entrypoint of ours that only exports secrets is left
    out), ``ports`` are pairs of host and container.
    """

    name: str
    path: KeyPath
    image: Text
    names: tuple[str, ...]
    start: tuple[Text, ...]
    environment: Mapping[str, Text]
    ports: tuple[tuple[Text, int], ...]
    hardware: str
    cards: Text
    raw: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Project:
    """The services of a file by name, and those that are only extended by others."""

    source: Source
    services: Mapping[str, ComposeService]
    templates: tuple[str, ...] = ()


def read_project(source: Source, variables: Mapping[str, str]) -> Project:
    """The project of a parsed compose file.

    Raises:
        ApplicationError: it is no compose file; the place is named.
    """
    data = source.data
    if not isinstance(data, Mapping) or not isinstance(data.get("services"), Mapping):
        hint = "a compose file has the key services; the unified YAML needs no conversion"
        source.fail("not-compose", "this is no compose file", ("services",), hint=hint)
    written: Mapping[str, Any] = data["services"]
    reader = _Reader(source, variables)
    bases = {name: reader.base(name, body) for name, body in written.items()}
    templates = tuple(sorted({base for base in bases.values() if base in written}))
    services = {
        name: reader.service(name, reader.extended(name, written, bases))
        for name in written
        if name not in templates
    }
    return Project(source, services, templates)


class _Reader:
    def __init__(self, source: Source, variables: Mapping[str, str]) -> None:
        self.source = source
        self.variables = variables

    def base(self, name: str, body: Any) -> str:
        """The service of the same file that this one extends."""
        if not isinstance(body, Mapping):
            self._fail("a service is a mapping", name)
        extends = body.get("extends")
        if isinstance(extends, Mapping):
            return str(extends.get("service", "")) if "file" not in extends else ""
        return extends if isinstance(extends, str) else ""

    def extended(self, name: str, written: Mapping[str, Any], bases: Mapping[str, str]) -> Mapping[str, Any]:
        """A service with what it extends below it."""
        body, seen, base = dict(written[name]), {name}, bases[name]
        while base in written and base not in seen:
            seen.add(base)
            below = dict(written[base])
            pairs = [
                self._pairs(owner, "environment", item.get("environment"))
                for owner, item in ((base, below), (name, body))
            ]
            body = {**below, **body, "environment": {**pairs[0], **pairs[1]}}
            base = bases[base]
        return body

    def service(self, name: str, body: Mapping[str, Any]) -> ComposeService:
        environment = {
            key: self._text(value)
            for key, value in self._pairs(name, "environment", body.get("environment")).items()
        }
        other_names = [body[key] for key in ("container_name", "hostname") if isinstance(body.get(key), str)]
        return ComposeService(
            name=name,
            path=("services", name),
            image=self._text(body.get("image") or ""),
            names=(name, *(expand(item, self.variables).value for item in other_names)),
            start=tuple(self._start(name, body)),
            environment=environment,
            ports=tuple(self._ports(name, body.get("ports"))),
            hardware=_hardware(body, environment),
            cards=_cards(body, environment),
            raw=body,
        )

    def _fail(self, message: str, name: str, *keys: str) -> None:
        self.source.fail("bad-compose", message, ("services", name, *keys))

    def _text(self, value: Any) -> Text:
        if isinstance(value, bool):
            return Text(str(value).lower())
        return (
            expand(value, self.variables)
            if isinstance(value, str)
            else Text("" if value is None else str(value))
        )

    def _pairs(self, name: str, key: str, value: Any) -> dict[str, Any]:
        """A mapping, or a list of ``NAME=value``; a name alone takes the shell's value."""
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return {k: f"${{{k}}}" if v is None else v for k, v in value.items()}
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._fail("neither a mapping nor a list of NAME=value", name, key)
        split = [item.partition("=") for item in value]
        return {left: right if equals else f"${{{left}}}" for left, equals, right in split}

    def _start(self, name: str, body: Mapping[str, Any]) -> Iterator[Text]:
        entrypoint = self._words(name, "entrypoint", body.get("entrypoint"))
        command = self._words(name, "command", body.get("command"))
        yield from (self._text(word) for word in (*_unwrapped(entrypoint), *command))

    def _words(self, name: str, key: str, value: Any) -> list[str]:
        if isinstance(value, str):
            try:
                return shlex.split(value)
            except ValueError:
                self._fail("its quotes do not close", name, key)
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(item, dict | list) for item in value):
            self._fail("neither text nor a list of words", name, key)
        return [str(item) for item in value]

    def _ports(self, name: str, value: Any) -> Iterator[tuple[Text, int]]:
        if not isinstance(value, list | None):
            self._fail("ports are a list", name, "ports")
        for item in value or []:
            if isinstance(item, Mapping):
                host, container = self._text(item.get("published")), self._text(item.get("target"))
            else:
                whole = self._text(item)
                left, _, right = whole.value.partition("/")[0].rpartition(":")
                host = Text(left.rpartition(":")[2], whole.missing)
                container = Text(right)
            if container.value.isascii() and container.value.isdigit():
                yield host, int(container.value[:6])


def _unwrapped(entrypoint: list[str]) -> list[str]:
    """What a shell starts: our wrapper's words, or the last command of a script."""
    if len(entrypoint) > 2 and entrypoint[1] == "-c":
        if "--" in entrypoint[3:4]:
            return entrypoint[4:]
        try:
            return shlex.split(entrypoint[2].rpartition("&&")[2])
        except ValueError:
            return entrypoint
    return entrypoint


def _devices(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    place: Any = body
    for key in ("deploy", "resources", "reservations", "devices"):
        place = place.get(key) if isinstance(place, Mapping) else None
    yield from (item for item in place or [] if isinstance(item, Mapping)) if isinstance(place, list) else ()


def _hardware(body: Mapping[str, Any], environment: Mapping[str, Text]) -> str:
    if body.get("runtime") == "habana" or "HABANA_VISIBLE_DEVICES" in environment:
        return "gaudi"
    if body.get("runtime") == "nvidia" or any(item.get("driver") == "nvidia" for item in _devices(body)):
        return "nvidia"
    devices = body.get("devices")
    return "rocm" if isinstance(devices, list) and any("/dev/kfd" in str(item) for item in devices) else ""


def _cards(body: Mapping[str, Any], environment: Mapping[str, Text]) -> Text:
    """How many cards a service names; empty when it takes all, or none."""
    for variable in ("HABANA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        indexes = environment.get(variable, Text()).value.split(",")
        if all(index.strip().isdigit() for index in indexes):
            return Text(str(len(indexes)))
    for device in _devices(body):
        ids, count = device.get("device_ids"), device.get("count")
        if isinstance(ids, list):
            return Text(str(len(ids)))
        if isinstance(count, int):
            return Text(str(count))
    return Text()
