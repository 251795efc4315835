"""Exceptions from public checkers' rules, named where the checkers read them (see ``gates.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from opea_pulumi.blueprint import EndpointValue, SecretValue, Workload

from ._probes import only_a_port
from ._security import capabilities_of, exceptions_of

_FIRST_HIGH_USER = 10000


@dataclass(frozen=True)
class GateException:
    """A rule that a workload does not meet: its name in ``gates.yaml``, and the reason."""

    name: str
    reason: str


def gate_exceptions(workloads: Sequence[Workload]) -> list[GateException]:
    """The exceptions of the pod of these workloads' containers; of two with one name, the first."""
    found: dict[str, GateException] = {}
    for workload in workloads:
        own = exceptions_of(workload)
        fields = {"image": workload.image, "user": str(workload.security.user)}
        for name in _names(workload):
            reason = own.get(name) or str(_gates()[name]["reason"]).format_map(fields)
            found.setdefault(name, GateException(name, reason))
    return [found[name] for name in _gates() if name in found]


def gate_annotations(exceptions: Sequence[GateException]) -> dict[str, str]:
    """The checkers' own annotations for these exceptions."""
    skipped = [
        (check, exception.reason)
        for exception in exceptions
        for check in _gates()[exception.name].get("checkov", ())
    ]
    made = {f"checkov.io/skip{at}": f"{check}={reason}" for at, (check, reason) in enumerate(skipped, 1)}
    ignored = [name for item in exceptions for name in _gates()[item.name].get("kube_score", ())]
    return {**made, "kube-score/ignore": ",".join(dict.fromkeys(ignored))} if ignored else made


def _names(workload: Workload) -> Iterator[str]:
    image = workload.image
    own = exceptions_of(workload)
    if "@sha256:" not in image:
        yield "image-digest"
        if not re.search(r":(?!latest$)[^:/]+$", image):
            yield "image-tag"
    if "root" not in own and workload.security.user < _FIRST_HIGH_USER:
        yield "low-user"
    yield from (name for name in ("root", "writable-root", "unconfined", "privileged") if name in own)
    if capabilities_of(workload):
        yield "capabilities"
    if any(_holds_secret(value) for value in workload.environment.values()):
        yield "secret-in-environment"
    if workload.role != "prefetch" and only_a_port(workload):
        yield "only-a-port"
    if "etcd" in (*workload.command, *workload.args):
        yield "no-cluster-etcd"


def _holds_secret(value: object) -> bool:
    return isinstance(value, SecretValue) or (isinstance(value, EndpointValue) and bool(value.secret))


@cache
def _gates() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath("gates.yaml").read_text("utf-8")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    gates: dict[str, dict[str, Any]] = yaml.load(text, Loader=loader)["gates"]  # noqa: S506 - safe
    return gates
