"""What a killed update leaves behind: a lock in a ``file://`` backend, operations half done."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from collections.abc import Iterator, Sequence
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


def unlock(backend: str, project: str, stack: str, report: Report, patience: float) -> None:
    """Remove the locks that killed processes left.

    Waits ``patience`` seconds for a holder that is alive; one whose command was killed is told to
    stop. Raises EngineError ``stack-locked`` naming the holder.
    """
    deadline = time.monotonic() + patience
    met: set[int] = set()
    while held := list(locks(backend, project, stack)):
        living = [lock for lock in held if not lock.stale]
        for lock in held:
            if lock not in living:
                lock.path.unlink(missing_ok=True)
                report(
                    f"removed the lock of process {lock.pid}, which began {_ago(lock.since)} and was killed"
                )
        for lock in living:
            if lock.pid not in met:
                met.add(lock.pid)
                report(_meet(lock, stack))
        if living and time.monotonic() > deadline:
            raise _locked(stack, living[0])
        if living:
            time.sleep(0.1)


def _meet(lock: Lock, stack: str) -> str:
    """Stop a holder that can't succeed any more; returns what is done about it."""
    import psutil

    with contextlib.suppress(psutil.Error):
        process = psutil.Process(lock.pid)
        if lock.host == socket.gethostname() and _abandoned(process.cmdline()):
            process.send_signal(signal.SIGINT)
            return f"process {lock.pid} still works for a command that was killed; told it to stop"
    return f"process {lock.pid} is updating stack {stack}; waiting for it"


def _abandoned(arguments: Sequence[str]) -> bool:
    """Whether this is an engine whose inline program is gone: nothing listens where it ran."""
    clients = [part.rpartition(":")[2] for part in arguments if part.startswith("--client=127.0.0.1:")]
    if not clients or not clients[0].isdigit():
        return False
    try:
        socket.create_connection(("127.0.0.1", int(clients[0])), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


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
