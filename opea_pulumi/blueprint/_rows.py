"""From the catalogue's rows to the blueprint's parts, where the two have the same meaning."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.application import AutoscalingSpec, ResourcesSpec
from opea_pulumi.catalog import HealthRow, MetricRow, ResourcesRow, RunnableRow, ServedRow

from ._model import (
    Autoscaling,
    EndpointValue,
    Health,
    Mount,
    Port,
    Resources,
    Role,
    SecretFileValue,
    SecretValue,
    Security,
    Value,
    Workload,
)

CPU_TARGET = 80
"""Percent of the requested CPU: what a workload without a queue metric is scaled by (OPEA's charts)."""


def workload_of(
    row: RunnableRow,
    *,
    name: str,
    role: Role,
    kind: str,
    port: Port,
    health: Health,
    values: Mapping[str, Value],
) -> Workload:
    """A workload of a row whose fields are filled in; its downstreams are those that its values name."""
    endpoints = {value.workload for value in values.values() if isinstance(value, EndpointValue)}
    return Workload(
        name=name,
        role=role,
        type=kind,
        image=row.image,
        entrypoint=row.entrypoint,
        shell=row.shell,
        http_client=row.http_client,
        command=row.command,
        args=row.args,
        environment=dict(sorted(values.items())),
        port=port,
        other_ports=row.other_ports if isinstance(row, ServedRow) else (),
        health=health,
        resources=resources_of(row.resources),
        shared_memory=row.shared_memory,
        mounts=tuple(Mount(volume=volume, path=path) for volume, path in sorted(row.volumes.items())),
        security=Security(**row.security.model_dump()),
        downstreams=tuple(sorted(endpoints - {name})),
    )


def health_of(row: HealthRow) -> Health:
    """The same facts in the blueprint's words."""
    return Health(**row.model_dump())


def resources_of(row: ResourcesRow, given: ResourcesSpec | None = None) -> Resources:
    """The catalogue's requests with the user's over them."""
    fields = row.model_dump()
    if given is not None:
        own = given.model_dump(exclude_none=True, exclude={"accelerator_memory"})
        # a number of cards is for the hardware that has some
        fields |= own if row.accelerator else {key: own[key] for key in own if key != "accelerators"}
    return Resources(**fields)


def cards_of(row: ResourcesRow, given: ResourcesSpec | None = None) -> int:
    """How many cards a server computes on, at least one so that arguments can name it."""
    return max(resources_of(row, given).accelerators, 1)


def autoscaling_of(given: AutoscalingSpec | None, metric: MetricRow | None = None) -> Autoscaling | None:
    """What was asked for, by the server's queue metric, else by the share of the requested CPU."""
    if given is None:
        return None
    series, target = (metric.series, metric.target) if metric else ((), CPU_TARGET)
    return Autoscaling(min=given.min, max=given.max, series=series, target=given.target or target)


def secrets_in(values: Mapping[str, Value]) -> set[str]:
    """The names of the secrets that an environment holds, or names files of."""
    kinds = SecretValue | SecretFileValue
    alone = {value.secret for value in values.values() if isinstance(value, kinds)}
    return alone | {
        value.secret for value in values.values() if isinstance(value, EndpointValue) and value.secret
    }
