"""Requests in Kubernetes notation as Compose's limits and reservations."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Any

from opea_pulumi.blueprint import Workload

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_COMPOSE_UNITS = (("g", 2**30), ("m", 2**20), ("k", 2**10), ("b", 1))

_SMALL, _ROOM = 2**30, 4 * 2**30
"""Below the first a request says what an idle process takes; the second is for libraries and work."""

_PIDS, _SERVER_PIDS = 1024, 4096


def number_of_bytes(quantity: str) -> int:
    """A quantity of memory; a part of a byte counts as one."""
    suffix = quantity.lstrip("0123456789.")
    unit = _BINARY_UNITS.get(suffix) or _UNITS[suffix]
    exact = Decimal(quantity.removesuffix(suffix)) * unit
    return int(exact.to_integral_value(ROUND_UP))


def memory(quantity: str) -> str:
    """A quantity of memory as Compose writes it (its units are powers of 1024)."""
    return _memory(number_of_bytes(quantity))


def cpus(quantity: str) -> Decimal:
    """A quantity of processors: ``100m`` is a tenth of one."""
    if quantity.endswith("m"):
        return Decimal(quantity[:-1]) / 1000
    return Decimal(quantity)


def resources_of(workload: Workload) -> dict[str, Any]:
    """``deploy.resources`` without devices.

    Memory is limited as in Kubernetes: to the request, unless that is an idle process' own. A limit
    of processors only holds services that do not compute: Docker refuses one that exceeds the
    machine's, and a model server is as fast as the processors it gets.
    """
    wanted = workload.resources
    amount = number_of_bytes(wanted.memory)
    computes = workload.role == "server" or wanted.accelerators > 0
    limits: dict[str, Any] = {"memory": _memory(amount if amount >= _SMALL else _ROOM)}
    if not computes:
        limits["cpus"] = _plain(max(Decimal(1), cpus(wanted.cpu)))
    limits["pids"] = _SERVER_PIDS if computes else _PIDS
    return {
        "limits": limits,
        "reservations": {"memory": _memory(amount), "cpus": _plain(cpus(wanted.cpu))},
    }


def _memory(amount: int) -> str:
    suffix, unit = next(row for row in _COMPOSE_UNITS if amount % row[1] == 0)
    return f"{amount // unit}{suffix}"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
