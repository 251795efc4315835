"""The processes that belong to one record: found again, counted and ended, never mistaken for others.

A process is recognised by pid, start time and boot. Once its supervisor is gone, what is left of its session
is recognised by a variable in its environment that no other process has.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterable, Mapping

import psutil

from opea_pulumi.errors import OperationError
from opea_pulumi.provider._record import Record
from opea_pulumi.provider._supervisor import boot_id, start_token

MARKER = "OPEA_PROCESS"
"""The variable in the environment of every process started here: a random text, a colon, the URN."""

_POLL = 0.03
_KILL_WAIT = 5.0


def new_marker(urn: str) -> str:
    """A marker for one start of the process of ``urn``."""
    return f"{secrets.token_hex(8)}:{urn}"


def marker_urn(marker: str) -> str:
    """The URN in a marker; empty when there is none."""
    return marker.partition(":")[2]


def is_alive(record: Record) -> bool:
    """Whether the recorded process and its supervisor both run, on this boot."""
    if record.boot != boot_id():
        return False
    return all(start_token(one.pid) == one.start for one in (record.supervisor, record.process))


def members(record: Record) -> dict[int, str]:
    """What runs of the record, as pid to start token: its supervisor's session, and all with its marker."""
    if record.boot != boot_id():
        return {}
    supervised = start_token(record.supervisor.pid) == record.supervisor.start
    pids = [pid for pid in psutil.pids() if pid != os.getpid() and _belongs(pid, record, session=supervised)]
    return {pid: token for pid in pids if (token := start_token(pid)) is not None}


def _belongs(pid: int, record: Record, *, session: bool) -> bool:
    if session:
        with contextlib.suppress(OSError):
            if os.getsid(pid) == record.supervisor.pid:
                return True
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(MARKER) == record.marker
    return False


async def stop(record: Record, grace: float, cancelled: asyncio.Event | None = None) -> None:
    """End the record's processes: SIGTERM, after ``grace`` seconds SIGKILL. Returns when they are gone.

    Raises :class:`OperationError`: ``cancelled`` during the grace, ``not-stopped`` when one can't be killed.
    """
    found = members(record)
    own = record.supervisor.pid
    # The supervisor passes SIGTERM on to the group it knows.
    _signal([own] if own in found else found, signal.SIGTERM)
    if not await gone(found, grace, cancelled) and cancelled and cancelled.is_set():
        raise OperationError("cancelled while the process was being stopped", code="cancelled")
    # It goes last: it reaps the others and writes how they ended.
    found = members(record)
    _signal([pid for pid in found if pid != own], signal.SIGKILL)
    await gone(found, 1.0)
    found = members(record)
    _signal(found, signal.SIGKILL)
    if not await gone(found, _KILL_WAIT):
        pids = ", ".join(map(str, found))
        raise OperationError(f"processes {pids} can't be killed", code="not-stopped", hint="see ps")


async def gone(found: Mapping[int, str | None], limit: float, cancelled: asyncio.Event | None = None) -> bool:
    """Whether the processes, as pid to start token, end within ``limit`` seconds and before ``cancelled``."""
    deadline = time.monotonic() + limit
    while any(start_token(pid) == token for pid, token in found.items()):
        if time.monotonic() >= deadline or (cancelled and cancelled.is_set()):
            return False
        await asyncio.sleep(_POLL)
    return True


def reload_settings(record: Record) -> None:
    """Have the supervisor read the log's limits from the record again."""
    if is_alive(record):
        _signal([record.supervisor.pid], signal.SIGHUP)


def _signal(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
