"""Status and logs of a local stack, from what its processes recorded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from opea_pulumi.errors import OperationError
from opea_pulumi.targets import WorkloadStatus

_PROCESS = "opea:index:Process"
_POLL = 0.2


class LocalOperations:
    """The operations of one local stack; ``resources`` are its exported resources, in start order."""

    def __init__(self, resources: list[Mapping[str, Any]]) -> None:
        self._processes = {
            Path(row["outputs"]["directory"]).name: row for row in resources if row["type"] == _PROCESS
        }

    def status(self) -> list[WorkloadStatus]:
        """``running`` when the health endpoint answers, ``unhealthy`` when only the port does."""
        return [_status(name, row) for name, row in self._processes.items()]

    def logs(self, workload: str, *, tail: int, follow: bool) -> Iterator[str]:
        """Lines of a workload's log, without line ends.

        Raises:
            OperationError: the stack has no such workload, or its log is gone.
        """
        if workload not in self._processes:
            hint = f"one of {', '.join(self._processes)}"
            raise OperationError(f"no workload is named {workload!r}", code="unknown-workload", hint=hint)
        return _lines(Path(self._processes[workload]["outputs"]["logFile"]), tail, follow)


def _status(name: str, row: Mapping[str, Any]) -> WorkloadStatus:
    outputs = row["outputs"]
    url = str(outputs["url"])
    detail = f"pid {int(outputs['pid'])}"
    state = _state(url + str(outputs.get("healthPath") or "/"))
    return WorkloadStatus(name, state, url, str(outputs["startedAt"]), detail)


def _state(url: str) -> str:
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.ConnectError:
        return "stopped"
    except httpx.HTTPError:
        return "unhealthy"
    return "running" if answer.is_success else "unhealthy"


def _lines(path: Path, tail: int, follow: bool) -> Iterator[str]:
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        message = f"the log cannot be read: {error.strerror}: {path}"
        raise OperationError(message, code="no-log") from None
    with file:
        yield from (line.rstrip("\n") for line in deque(file, maxlen=tail))
        inode = path.stat().st_ino
        position = file.tell()
    while follow:
        lines, inode, position = _new_lines(path, inode, position)
        yield from lines
        if not lines:
            time.sleep(_POLL)


def _new_lines(path: Path, inode: int, position: int) -> tuple[list[str], int, int]:
    """Whole lines after a position; from the start again once the log was rotated."""
    try:
        stat = path.stat()
        if stat.st_ino != inode or stat.st_size < position:
            inode, position = stat.st_ino, 0
        with path.open("rb") as file:
            file.seek(position)
            data = file.read()
    except OSError:
        return [], inode, position
    whole = data[: data.rfind(b"\n") + 1]
    return whole.decode("utf-8", "replace").splitlines(), inode, position + len(whole)
