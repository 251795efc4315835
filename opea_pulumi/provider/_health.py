"""Waiting until a started process serves, and checking where it listens."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

from opea_pulumi.errors import OperationError
from opea_pulumi.provider._groups import gone, is_alive, members
from opea_pulumi.provider._ports import holder, is_loopback, listening
from opea_pulumi.provider._process_inputs import ProcessInputs
from opea_pulumi.provider._record import Record
from opea_pulumi.provider._supervisor import LOG

_POLL = 0.1
_REQUEST_TIMEOUT = 5.0
_READINGS = 20
_LAST_LINES = 15
_LAST_BYTES = 16_384


async def wait_healthy(record: Record, inputs: ProcessInputs, limit: float, cancelled: asyncio.Event) -> None:
    """Return when the process serves: its health path answers 2xx, or its port connects, or it simply runs.

    Raises :class:`OperationError`: ``process-exited``, ``health-timeout`` (after ``limit`` seconds) or
    ``cancelled``; the first two show the log's last lines.
    """
    deadline = time.monotonic() + limit
    reason = "no answer yet"
    while is_alive(record):
        try:
            if not (reason := await asyncio.wait_for(_probe(inputs), _REQUEST_TIMEOUT)):
                return
        except TimeoutError:
            reason = f"no answer within {_REQUEST_TIMEOUT:g} s"
        if cancelled.is_set():
            raise OperationError("cancelled while waiting for the process to serve", code="cancelled")
        if time.monotonic() >= deadline:
            raise OperationError(
                f"not healthy within {limit:g} s: {reason}\n{last_lines(inputs.directory)}",
                code="health-timeout",
                hint="raise startTimeout if it only needs longer",
            )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(cancelled.wait(), _POLL)
    # The supervisor ends after its child, having written the log's last line.
    await gone({record.supervisor.pid: record.supervisor.start}, 2.0)
    raise OperationError(
        f"the process exited at start\n{last_lines(inputs.directory)}", code="process-exited"
    )


def check_listeners(record: Record, inputs: ProcessInputs) -> None:
    """Raise :class:`OperationError` when the process listens beyond this machine, or not on its port.

    Codes: ``exposed-port``; ``port-taken`` when it was another process that answered there.
    """
    found = _listeners(record, inputs.port)
    if exposed := sorted({f"{ip}:{port}" for ip, port in found if not is_loopback(ip)}):
        raise OperationError(
            f"the process listens on {', '.join(exposed)}, which other machines can reach",
            code="exposed-port",
            hint="have it listen on 127.0.0.1",
        )
    if inputs.port is not None and inputs.port not in {port for _, port in found}:
        raise OperationError(
            f"the process does not listen on its port {inputs.port}: {holder(inputs.port)} does",
            code="port-taken",
            hint="use {port} in its command",
        )


def _listeners(record: Record, port: int | None) -> list[tuple[str, int]]:
    """Where the record's processes listen.

    The kernel's table is read while other sockets come and go, and one reading may miss an entry: it
    is read again while ``port`` is not in it and yet one of the processes holds it.
    """
    found = listening(members(record))
    for _ in range(_READINGS):
        if port is None or port in {number for _, number in found}:
            break
        held = holder(port)
        if held is None or held.pid not in members(record):
            break
        found = listening(members(record))
    return found


def last_lines(directory: Path) -> str:
    """The last lines of the log, indented, with its path."""
    path = directory / LOG
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LAST_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    return "\n".join([f"  last lines of {path}:", *(f"    {line}" for line in lines or ["(it is empty)"])])


async def _probe(inputs: ProcessInputs) -> str:
    """Ask once; empty when healthy, else why not."""
    port, path = inputs.port, inputs.health_path
    if port is None:
        return ""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        return f"port {port}: {error.strerror or error}"
    try:
        return await _get(reader, writer, port, path) if path else ""
    except (OSError, asyncio.LimitOverrunError, ValueError) as error:
        return f"GET {path}: {error}"
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, path: str) -> str:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    status = (await reader.readline()).decode("latin-1").split(" ", 2)
    if len(status) < 2 or not status[0].startswith("HTTP/"):
        return f"GET {path}: not an HTTP answer"
    return "" if status[1].startswith("2") else f"GET {path}: HTTP {' '.join(status[1:]).strip()}"
