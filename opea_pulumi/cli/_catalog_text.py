"""One entry of the catalogue for people: facts, then tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from opea_pulumi.blueprint import card_bytes, cpu_bytes, kv_cache_bytes, weight_bytes
from opea_pulumi.catalog import (
    Found,
    HealthRow,
    ModelRow,
    Reference,
    Release,
    ResourcesRow,
    RunnableRow,
    SecurityRow,
    ServedRow,
    ServerRow,
    ServiceRow,
    StoreRow,
)

from ._output import table

_GIB = 2**30
_Fact = tuple[str, str]


def show_entry(item: Found) -> None:
    """Print everything of an entry."""
    where = f" (release {item.release})" if item.release and item.kind != "release" else ""
    also = f"; also in {', '.join(item.also)}" if item.also else ""
    click.secho(f"{item.kind} {item.name}{where}{also}", bold=True)
    row = item.row
    if isinstance(row, str):
        click.echo(row, nl=False)
    elif isinstance(row, ModelRow):
        _facts(_model(row))
    elif isinstance(row, Release):
        _facts(_release(row))
    elif isinstance(row, ServerRow):
        _server(row)
    elif isinstance(row, StoreRow):
        _store(row)
    elif isinstance(row, ServiceRow):
        _service(row)
    elif isinstance(row, ServedRow):
        _facts(_runnable(row))


def memory_of(row: ModelRow) -> dict[str, int]:
    """Bytes of a model as the memory check reckons them: its parts, and what a server needs of CPU or a card.

    ``cpu`` is without what the server reserves for keys and values there.
    """
    return {
        "weights": weight_bytes(row),
        "kv_cache_per_token": kv_cache_bytes(row, 1),
        "kv_cache_of_context": kv_cache_bytes(row, row.context),
        "cpu": cpu_bytes(row),
        "one_card": card_bytes(row, 1),
    }


def _facts(rows: Iterable[_Fact]) -> None:
    for label, value in rows:
        if value:
            click.echo(f"  {label}: {value}")


def _model(row: ModelRow) -> Iterator[_Fact]:
    memory = memory_of(row)
    yield "kind", row.kind
    yield "parameters", f"{row.parameters:g} billion"
    yield "licence", row.licence + ("; gated: accept it on the hub, give a token" if row.gated else "")
    yield "weights", f"{memory['weights'] / _GIB:.1f} GiB ({row.bytes_per_parameter:g} bytes a parameter)"
    yield "context", f"{row.context} tokens" if row.context else ""
    if memory["kv_cache_per_token"]:
        whole = (
            f", {memory['kv_cache_of_context'] / _GIB:.1f} GiB for the whole context" if row.context else ""
        )
        yield "KV cache", f"{memory['kv_cache_per_token'] / 1024:.0f} KiB a token{whole}"
    reserved = ", and the cache that its server reserves" if memory["kv_cache_per_token"] else ""
    yield "needs on CPU", f"{memory['cpu'] / _GIB:.1f} GiB{reserved}"
    yield "needs on one card", f"{memory['one_card'] / _GIB:.1f} GiB"
    yield "dimensions", str(row.dimensions or "")
    yield "source", row.source


def _release(row: Release) -> Iterator[_Fact]:
    yield "profile", str(row.profile)
    yield "as of", row.as_of.isoformat()
    yield "source", row.source
    yield "orchestrators", ", ".join(row.orchestrators)
    yield "default store", row.default_store
    for part in ("services", "servers", "stores", "megaservices", "uis", "volumes", "secrets"):
        yield part, ", ".join(sorted(getattr(row, part)))


def _service(row: ServiceRow) -> None:
    _facts(_runnable(row))
    _facts(
        (
            ("endpoint", row.endpoint),
            ("model", row.model),
            ("server", f"{row.server} by default, of {', '.join(sorted(row.servers))}" if row.server else ""),
            ("vector store", "uses the application's" if row.store else ""),
        )
    )
    _devices({str(key): value for key, value in row.devices.items()})


def _server(row: ServerRow) -> None:
    _facts(
        (
            ("port", str(row.port)),
            ("endpoint", row.endpoint),
            ("health", _health(row.health, row.port)),
            ("environment", _environment(row.environment)),
            ("volumes", _volumes(row.volumes)),
            ("shared memory", row.shared_memory),
            ("model from the hub", "yes" if row.hub else "no"),
            ("runs offline by", ", ".join(f"{key}={value}" for key, value in sorted(row.cache.items()))),
            ("KV cache on CPU", row.kv_cache),
            (
                "autoscaling",
                f"{' + '.join(row.metric.series)}, {row.metric.target} a replica" if row.metric else "",
            ),
        )
    )
    _devices({str(key): value for key, value in row.devices.items()})


def _store(row: StoreRow) -> None:
    if row.server is None:
        _facts([("server", "none: it is a service elsewhere")])
    else:
        _facts([("workload", row.workload), *_runnable(row.server)])
    for name, companion in sorted(row.companions.items()):
        click.echo(f"companion {name}")
        _facts([("workload", companion.workload), *_runnable(companion)])
    _facts((f"clients of type {kind}", _environment(values)) for kind, values in sorted(row.clients.items()))


def _devices(rows: Mapping[str, RunnableRow]) -> None:
    if not rows:
        return
    click.echo()
    headings = ("DEVICE", "IMAGE", "CPU", "MEMORY", "ACCELERATORS")
    table(headings, ((name, row.image, *_sizes(row.resources)) for name, row in sorted(rows.items())))
    for name, row in sorted(rows.items()):
        click.echo(f"device {name}")
        _facts(fact for fact in _runnable(row) if fact[0] not in ("image", "resources"))


def _sizes(row: ResourcesRow) -> tuple[str, str, str]:
    return row.cpu, row.memory, f"{row.accelerators} {row.accelerator}" if row.accelerators else ""


def _runnable(row: RunnableRow) -> Iterator[_Fact]:
    yield "image", row.image
    yield "source", row.source
    yield "command", " ".join(row.command)
    yield "arguments", " ".join(row.args)
    yield "environment", _environment(row.environment)
    port, health = getattr(row, "port", None), getattr(row, "health", None)
    yield "port", ", ".join(str(item) for item in (port, *getattr(row, "other_ports", ())) if item)
    yield "health", _health(health, port) if health else ""
    yield "volumes", _volumes(row.volumes)
    cpu, memory, accelerators = _sizes(row.resources)
    yield "resources", ", ".join(part for part in (f"cpu {cpu}", f"memory {memory}", accelerators) if part)
    yield "shared memory", row.shared_memory
    yield from _security(row.security)


def _health(row: HealthRow, port: int | None) -> str:
    how = f"GET {row.path}" if row.path else " ".join(row.command) or "the port accepts connections"
    other = f" at port {row.port}" if row.port and row.port != port else ""
    return f"{how}{other}, every {row.interval} s, up to {row.start_budget} s at the start"


def _security(row: SecurityRow) -> Iterator[_Fact]:
    yield "user", f"{row.user}:{row.group} (evidence: {row.evidence})"
    yield "writes to", ", ".join(row.writable)
    for name, reason in sorted(row.exceptions.items()):
        yield f"exception {name}", reason


def _environment(values: Mapping[str, Any]) -> str:
    """The names; whose value is another workload's address, or a secret, says so."""
    return ", ".join(f"{name}{_means(value)}" for name, value in sorted(values.items()))


def _means(value: Any) -> str:
    if not isinstance(value, Reference):
        return f"={value}"
    return f" <- {value.endpoint or value.secret or value.volume}"


def _volumes(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} at {path}" for name, path in sorted(values.items()))
