"""What a killed update leaves behind: a lock in a ``file://`` backend, operations half done."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

from opea_pulumi.engine.find import Report
from opea_pulumi.errors import EngineError

_CLOCK_SLACK = 5.0  # seconds by which a process may look younger than the lock it wrote


@dataclass(frozen=True)
class Lock:
    """A lock file of the engine's own ("diy") backend: who holds it since when."""

    path: Path
    pid: int
    host: str
    user: str
    since: datetime

    @property
    def stale(self) -> bool:
        """Whether its holder was on this machine and is gone (its number may be used again)."""
        import psutil

        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return bool(process.create_time() > self.since.timestamp() + _CLOCK_SLACK)
        except psutil.NoSuchProcess:
            return True


def locks(backend: str, project: str, stack: str) -> Iterator[Lock]:
    """The locks of a stack; none unless ``backend`` is a ``file://`` URL."""
    if not backend.startswith("file://"):
        return
    path = unquote(backend.removeprefix("file://").partition("?")[0])
    folder = Path(path).expanduser() / ".pulumi" / "locks" / "organization" / project / stack
    for file in sorted(folder.glob("*.json")):
        try:
            held = json.loads(file.read_text())
            since = datetime.fromisoformat(held["timestamp"])
            yield Lock(file, int(held["pid"]), str(held["hostname"]), str(held["username"]), since)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # being written or removed, or not a lock: the engine will judge it


def unlock(backend: str, project: str, stack: str, report: Report, patience: float = 10.0) -> bool:
    """Remove locks that a killed process left; returns whether there was one.

    Waits ``patience`` seconds for a holder that is alive (one that was told to stop just now).
    Raises EngineError ``stack-locked`` naming the holder.
    """
    removed = False
    deadline = time.monotonic() + patience
    waiting = False
    while held := list(locks(backend, project, stack)):
        living = [lock for lock in held if not lock.stale]
        for lock in held:
            if lock not in living:
                lock.path.unlink(missing_ok=True)
                removed = True
                report(
                    f"removed the lock of process {lock.pid}, which began {_ago(lock.since)} and was killed"
                )
        if living and time.monotonic() > deadline:
            raise _locked(stack, living[0])
        if living:
            if not waiting:
                report(f"process {living[0].pid} is updating stack {stack}; waiting for it")
            waiting = True
            time.sleep(0.2)
    return removed


def without_pending(state: str) -> tuple[str, list[str]]:
    """An exported state without its pending operations, and the URNs of these."""
    document = json.loads(state)
    deployment = document.get("deployment") or {}
    pending = deployment.pop("pending_operations", None) or []
    urns = [str((operation.get("resource") or {}).get("urn", "")) for operation in pending]
    return json.dumps(document), urns


def _locked(stack: str, lock: Lock) -> EngineError:
    since = f"{lock.since.astimezone():%Y-%m-%d %H:%M:%S}"
    return EngineError(
        f"stack {stack} is being updated by process {lock.pid} of {lock.user} on {lock.host} since {since}",
        code="stack-locked",
        hint=f"wait for it to end; if it hangs: kill {lock.pid}; "
        f"if its machine is gone: pulumi cancel --stack {stack}",
    )


def _ago(since: datetime) -> str:
    seconds = max(0, int((datetime.now(since.tzinfo) - since).total_seconds()))
    return f"{seconds} s ago" if seconds < 120 else f"{seconds // 60} min ago"
