"""Starting a process under its supervisor, or taking over the one that an interrupted update left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from opea_pulumi.errors import OperationError
from opea_pulumi.provider import _ports, _supervisor
from opea_pulumi.provider._groups import MARKER, is_alive, new_marker, stop
from opea_pulumi.provider._health import check_listeners, wait_healthy
from opea_pulumi.provider._process_inputs import ProcessInputs
from opea_pulumi.provider._record import Record, new_record, new_salt, remove_record, salted_digest

_NAMES = """PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY http_proxy https_proxy no_proxy all_proxy"""

INHERITED = frozenset(_NAMES.split())
"""Variables of the plugin's environment that a process gets as well; all others are left out."""

_ADOPT_TIMEOUT = 5.0
_FAILED_GRACE = 3.0  # the engine ends a plugin 5 s after Ctrl-C
_PORT_WAIT = 15.0


async def start(urn: str, inputs: ProcessInputs, cancelled: asyncio.Event) -> Record:
    """Have the process of ``urn`` run and serve; a failure leaves nothing behind but the log.

    Raises :class:`OperationError`: ``directory-in-use``, ``port-taken``, ``not-started``, ``process-exited``,
    ``health-timeout``, ``exposed-port``, ``cancelled``.
    """
    _make_directory(inputs.directory)
    if left := await _take_over(urn, inputs, cancelled):
        return left
    if inputs.port is not None:
        await _wait_port(inputs.port, cancelled)
    record = _spawn(urn, inputs)
    try:
        await wait_healthy(record, inputs, inputs.start_timeout, cancelled)
        check_listeners(record, inputs)
    except BaseException:
        await end(record, inputs.directory, min(inputs.stop_timeout, _FAILED_GRACE))
        raise
    return record


async def end(record: Record, directory: Path, grace: float, cancelled: asyncio.Event | None = None) -> None:
    """Stop the record's processes and remove the record."""
    await stop(record, grace, cancelled)
    remove_record(directory)


async def _take_over(urn: str, inputs: ProcessInputs, cancelled: asyncio.Event) -> Record | None:
    """The process that an earlier start left, when it is the same and healthy; else it is ended."""
    record = Record.load(inputs.directory)
    if record is None:
        return None
    if is_alive(record):
        if record.urn != urn:
            raise OperationError(
                f"the directory {inputs.directory} is in use by {record.urn} (pid {record.process.pid})",
                code="directory-in-use",
                hint="give each process a directory of its own",
            )
        if record.digest == salted_digest(record.salt, inputs.identity()):
            with contextlib.suppress(OperationError):
                await wait_healthy(record, inputs, _ADOPT_TIMEOUT, cancelled)
                check_listeners(record, inputs)
                record.with_inputs(inputs.recorded).save(inputs.directory)
                return record
    await end(record, inputs.directory, inputs.stop_timeout, cancelled)
    return None


def _make_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OperationError(
            f"can't make the directory {directory}: {error.strerror}", code="directory"
        ) from error


async def _wait_port(port: int, cancelled: asyncio.Event) -> None:
    """Wait while a process of ours, which may be about to end, holds the port; anyone else is a failure."""
    deadline = time.monotonic() + _PORT_WAIT
    while holder := _ports.holder(port):
        if not holder.urn or time.monotonic() >= deadline or cancelled.is_set():
            raise OperationError(
                f"port {port} is taken by {holder}", code="port-taken", hint="stop it, or choose another port"
            )
        await asyncio.sleep(0.1)


def _spawn(urn: str, inputs: ProcessInputs) -> Record:
    marker, salt = new_marker(urn), new_salt()
    digest = salted_digest(salt, inputs.identity())
    order = {
        "command": inputs.arguments(),
        "workingDirectory": str(inputs.working_directory or inputs.directory),
        "logMaxBytes": inputs.log_max_bytes,
        "logBackups": inputs.log_backups,
        "record": new_record(urn, marker, inputs.recorded, tuple(inputs.environment), salt, digest),
    }
    inherited = {
        name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("LC_")
    }
    command = [sys.executable, "-I", "-S", _supervisor.__file__, str(inputs.directory)]
    environment = {**inherited, **inputs.environment, MARKER: marker}
    supervisor = subprocess.run(
        command, input=json.dumps(order).encode(), capture_output=True, env=environment, check=False
    )
    record = Record.load(inputs.directory)
    if record is None or record.marker != marker:
        raise OperationError(
            f"can't start {inputs.command[0]}: {_reason(supervisor)}",
            code="not-started",
            hint="see that the program and the working directory exist",
        )
    return record


def _reason(supervisor: subprocess.CompletedProcess[bytes]) -> str:
    with contextlib.suppress(ValueError, KeyError):
        answer = json.loads(supervisor.stdout)
        return f"{answer['error']}" + (f": {answer['file']}" if answer.get("file") else "")
    lines = supervisor.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"the supervisor ended with code {supervisor.returncode}"
