"""Status and logs of a local stack, from what its processes recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from ssl import SSLContext
from typing import Any

import httpx

from opea_pulumi.targets import WorkloadStatus, unknown_workload

from ._log import lines

_APPLICATION = "opea:index:LocalApplication"
_PROCESS = "opea:index:Process"


class LocalOperations:
    """The operations of one local stack, from its outputs and its exported resources, in start order.

    A process that a refresh found dead is no resource any more; the outputs still name its workload.
    """

    def __init__(self, outputs: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> None:
        self._endpoints = {str(name): str(url) for name, url in outputs["endpoints"].items()}
        self._processes = {
            Path(row["outputs"]["directory"]).name: row["outputs"]
            for row in resources
            if row["type"] == _PROCESS
        }
        self._folder = next(
            (Path(row["outputs"]["directory"]) for row in resources if row["type"] == _APPLICATION), None
        )

    def status(self) -> list[WorkloadStatus]:
        """``running`` when the health endpoint answers, ``unhealthy`` when only the port does."""
        gone = [name for name in self._endpoints if name not in self._processes]
        return [
            *(_status(name, outputs) for name, outputs in self._processes.items()),
            *(WorkloadStatus(name, "stopped", self._endpoints[name]) for name in gone),
        ]

    def logs(self, workload: str, *, tail: int, follow: bool) -> Iterator[str]:
        """Lines of a workload's log, without line ends.

        Raises:
            OperationError: the stack has no such workload, or its log is gone.
        """
        return lines(self._log(workload), tail, follow=follow)

    def data(self) -> list[str]:
        """None: the plugin keeps volumes when it is told to (OPEA_KEEP_DATA)."""
        return []

    def transport(self, _verify: SSLContext | bool = True, /) -> None:
        """Everything listens on this machine."""

    def _log(self, workload: str) -> Path:
        if workload in self._processes:
            return Path(self._processes[workload]["logFile"])
        if workload in self._endpoints and self._folder is not None:
            return self._folder / workload / "output.log"
        raise unknown_workload(workload, self._endpoints)


def _status(name: str, outputs: Mapping[str, Any]) -> WorkloadStatus:
    url = str(outputs["url"])
    state = _state(url + str(outputs.get("healthPath") or "/"))
    return WorkloadStatus(name, state, url, str(outputs["startedAt"]), f"pid {int(outputs['pid'])}")


def _state(url: str) -> str:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.ConnectError:
        return "stopped"
    except httpx.HTTPError:
        return "unhealthy"
    return "running" if answer.is_success else "unhealthy"
