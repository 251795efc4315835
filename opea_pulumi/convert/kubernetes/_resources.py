"""Requests and limits of a container.

Requests are the blueprint's. Memory is limited to what is requested, so that a server that needs more
is stopped before it takes the node's; a microservice's request is what upstream's charts ask for an idle
one, so that it gets room. The CPU's limit is far above the request: enough to start fast, no more than a
share of the node.
"""

from __future__ import annotations

from opea_pulumi.blueprint import Workload, parse_quantity

from ._names import Object
from ._quantities import larger, times

_SMALL = "1Gi"  # below it a request says what an idle process takes
_ROOM = "4Gi"  # for the libraries that OPEA's services load, and a document in work
_CPU_FACTOR, _LEAST_CPU = 4, "2"
_CPU_PER_CARD = 8  # to feed an accelerator, and to compile for it
_STORAGE_FACTOR = 2  # logs and an image's own writes, beside the folders that are sized


def resources_of(workload: Workload) -> Object:
    """``resources`` of the container."""
    wanted = workload.resources
    requests = {
        "cpu": wanted.cpu,
        "memory": wanted.memory,
        "ephemeral-storage": wanted.ephemeral_storage,
    }
    limits = {
        "cpu": larger(
            larger(times(wanted.cpu, _CPU_FACTOR), _LEAST_CPU), str(_CPU_PER_CARD * wanted.accelerators)
        ),
        "memory": _ROOM if parse_quantity(wanted.memory) < parse_quantity(_SMALL) else wanted.memory,
        "ephemeral-storage": times(wanted.ephemeral_storage, _STORAGE_FACTOR),
    }
    exact = {}  # what cannot be overcommitted
    if wanted.accelerator and wanted.accelerators:
        exact[wanted.accelerator] = str(wanted.accelerators)
    if wanted.hugepages:
        exact["hugepages-2Mi"] = wanted.hugepages
    return {"requests": {**requests, **exact}, "limits": {**limits, **exact}}
