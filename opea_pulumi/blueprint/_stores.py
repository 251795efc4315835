"""The stores that deployed services use, with the workloads that they cannot do without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opea_pulumi.catalog import ServedRow, StoreRow

from ._model import EndpointValue, Port, Role, Workload
from ._plan import Plan
from ._rows import health_of, workload_of
from ._values import Context, resolve


def stores_of(plan: Plan, workloads: Mapping[str, Workload]) -> Iterator[Workload]:
    """Every store that one of these workloads calls, by name."""
    called = {
        value.workload
        for workload in workloads.values()
        for value in workload.environment.values()
        if isinstance(value, EndpointValue)
    }
    for kind, row in sorted(plan.release.stores.items()):
        if row.server is not None and row.workload in called:
            yield from _store(plan, kind, row, row.server)


def _store(plan: Plan, kind: str, row: StoreRow, server: ServedRow) -> Iterator[Workload]:
    for name, companion in sorted(row.companions.items()):
        yield _workload(plan, row, companion, companion.workload, name)
    yield _workload(plan, row, server, row.workload, kind)


def _workload(plan: Plan, store: StoreRow, row: ServedRow, name: str, kind: str) -> Workload:
    fields = {"index": plan.release.index, "port": str(row.port)}
    values = resolve(plan, Context(store=store, fields=fields), row.environment)
    role: Role = "store"
    port = Port(number=row.port)
    made = workload_of(
        row, name=name, role=role, kind=kind, port=port, health=health_of(row.health), values=values
    )
    return made.model_copy(update={"egress": ("remote",)}) if row.egress else made
