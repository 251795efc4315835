"""Which port a process gets, decided in check, as automatic names are.

``port``: that one. Else the one it has or had, when ``preferredPort`` is as it was. Else ``preferredPort`` or
the next free one; with neither, any free one if the command has ``{port}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.provider import CheckFailure

from opea_pulumi.provider import _ports
from opea_pulumi.provider._groups import is_alive
from opea_pulumi.provider._process_inputs import needs_port
from opea_pulumi.provider._record import Record
from opea_pulumi.provider._values import Properties, is_unknown, lift, plain_map, unknown


def check_port(
    reservations: _ports.Reservations, urn: str, old: Properties, inputs: Properties
) -> tuple[Properties, list[CheckFailure]]:
    """The inputs with the port decided (unknown while what it depends on is), and what is wrong with it."""
    values = plain_map(inputs)
    if "port" in inputs:
        taken = _fixed_taken(reservations, urn, values["port"]) if "port" in values else ""
        return inputs, [CheckFailure("port", taken)] if taken else []
    if "preferredPort" in inputs and is_unknown(inputs["preferredPort"]):
        return inputs | {"port": unknown()}, []
    if not needs_port(values):
        failure = CheckFailure(
            "healthPath", "needs a port: give port or preferredPort, or use {port} in command"
        )
        return inputs, [failure] if "healthPath" in inputs and "command" in values else []
    preferred = values.get("preferredPort")
    kept = _kept(urn, plain_map(old), values, preferred)
    return inputs | {"port": lift(reservations.choose(urn, kept, preferred))}, []


def _fixed_taken(reservations: _ports.Reservations, urn: str, port: int) -> str:
    if other := reservations.fixed(urn, port):
        return f"port {port} is also the port of {other.rpartition('::')[2]}"
    holder = _ports.holder(port)
    # A process of this stack may be about to release it: create waits for that.
    if holder is None or (holder.urn and _stack(holder.urn) == _stack(urn)):
        return ""
    return f"port {port} is taken by {holder}: stop it, or choose another port"


def _kept(urn: str, old: dict[str, Any], values: dict[str, Any], preferred: int | None) -> Iterator[int]:
    """Ports to keep: of the state, of a process that an interrupted update left, of one that died."""
    if "port" in old and old.get("preferredPort") == preferred:
        yield old["port"]
    record = Record.load(Path(values["directory"])) if "directory" in values else None
    if record and record.urn == urn and record.inputs.get("preferredPort") == preferred:
        port = record.inputs.get("port")
        if port and (is_alive(record) or _ports.is_free(port)):
            yield port


def _stack(urn: str) -> str:
    return "::".join(urn.split("::")[:2])
