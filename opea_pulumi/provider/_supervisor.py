"""A small parent for one detached process; standard library only.

``python -I -S _supervisor.py DIRECTORY`` reads a JSON object from its standard input and leaves its parent:
neither the engine, which kills a plugin's children, nor a terminal's Ctrl-C reach it. It starts the
command in a process group of its own, writes the record ``process.json`` and prints one JSON line:
``{"ok": true}``, or ``{"error": ...}`` when it could not. From then on it

* writes what the child prints to a rotating log,
* passes SIGTERM on to the child's process group, re-reads the log's limits on SIGHUP, ignores SIGINT,
* reaps the child, ends what is left of its group and closes the log with a line that says how it ended.

If it is killed itself, the kernel kills the child (Linux), or the child's output pipe breaks (elsewhere).
The child's environment is its own environment; values never pass through an argument or a file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

RECORD = "process.json"
LOG = "output.log"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def boot_id() -> str:
    """What tells this boot of the machine from others; empty where start times are absolute (not Linux)."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


def start_token(pid: int) -> str | None:
    """When the process started, as an opaque text, or ``None`` when it is gone or a zombie.

    Pid, token and :func:`boot_id` together name one process for ever: pids are used again, these are not.
    Linux: clock ticks since boot, proc(5) ``stat`` field 22; elsewhere: ``ps -o lstart``.
    """
    if not sys.platform.startswith("linux"):
        return _start_by_ps(pid)
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _start_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def write_record(directory: str, record: dict[str, Any]) -> None:
    """Replace ``process.json`` at once; only its owner may read it."""
    path = os.path.join(directory, RECORD)  # noqa: PTH118
    handle = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)  # noqa: PTH105


class Log:
    """``output.log``, kept under a size by renaming it to ``.1``, ``.2``...

    It breaks at line ends where it can. A full disk loses output, never the process: writing is tried again.
    """

    def __init__(self, path: str, max_bytes: int, backups: int) -> None:
        self._path = path
        self._open()
        self.configure(max_bytes, backups)

    def configure(self, max_bytes: int, backups: int) -> None:
        """Set the limits: the size in bytes of one file, and how many older ones are kept."""
        self._max, self._backups = max_bytes, backups
        for old in _numbers(self._path):
            if old > backups:
                os.unlink(f"{self._path}.{old}")  # noqa: PTH108

    def write(self, data: bytes) -> None:
        """Append ``data``, over as many files as it needs."""
        while data:
            room = max(self._max - self._size, 0)
            cut = len(data) if len(data) <= room else data.rfind(b"\n", 0, room) + 1
            if not cut and not self._size:
                cut = room
            self._append(data[:cut])
            data = data[cut:]
            if data:
                self._rotate()

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def _append(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._size += os.write(self._file, data)

    def _rotate(self) -> None:
        """Begin a new file; where that fails (disk full, folder gone), empty this one."""
        for number in range(self._backups, 0, -1):
            younger = f"{self._path}.{number - 1}" if number > 1 else self._path
            with contextlib.suppress(OSError):
                os.replace(younger, f"{self._path}.{number}")  # noqa: PTH105
        with contextlib.suppress(OSError):
            old = self._file
            self._open()
            os.close(old)
        if self._size:
            os.ftruncate(self._file, 0)
            self._size = 0


def _numbers(path: str) -> list[int]:
    folder, name = os.path.split(path)
    ends = (entry.removeprefix(f"{name}.") for entry in os.listdir(folder) if entry.startswith(f"{name}."))  # noqa: PTH208
    return [int(end) for end in ends if end.isdigit()]


def main() -> None:
    """Read the order, detach, start the command, and supervise it."""
    order = json.load(sys.stdin)
    if os.fork():
        os._exit(0)
    os.setsid()
    directory = sys.argv[1]
    try:
        log = Log(os.path.join(directory, LOG), order["logMaxBytes"], order["logBackups"])  # noqa: PTH118
        supervisor = _Supervisor(directory, log, order)
    except OSError as error:
        _answer({"error": error.strerror or str(error), "errno": error.errno, "file": error.filename})
        os._exit(1)
    _answer({"ok": True})
    supervisor.run()


def _answer(answer: dict[str, Any]) -> None:
    """Tell the parent, then let go of its pipes: it waits for their end."""
    os.write(1, json.dumps(answer).encode() + b"\n")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


class _Supervisor:
    def __init__(self, directory: str, log: Log, order: dict[str, Any]) -> None:
        self._directory, self._log = directory, log
        self._status: int | None = None
        self._wake, wake_end = os.pipe()
        os.set_blocking(wake_end, False)
        signal.set_wakeup_fd(wake_end, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # not SIG_IGN, which the child would inherit
        self._pipe, self._child = self._start(order)

    def _start(self, order: dict[str, Any]) -> tuple[int, int]:
        before_exec = _tie_to(os.getpid())
        ours, theirs = os.pipe()
        child = subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=order["workingDirectory"],
            process_group=0,
            preexec_fn=before_exec,
        )
        os.close(theirs)
        try:
            write_record(self._directory, self._record(order["record"], child.pid))
        except OSError:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        return ours, child.pid

    def _record(self, record: dict[str, Any], child: int) -> dict[str, Any]:
        own = os.getpid()
        return record | {
            "boot": boot_id(),
            "supervisor": {"pid": own, "start": start_token(own)},
            "process": {"pid": child, "start": start_token(child)},
            "startedAt": _now(),
        }

    def run(self) -> NoReturn:
        """Serve the pipe and the signals until the child has ended."""
        selector = selectors.DefaultSelector()
        selector.register(self._pipe, selectors.EVENT_READ, self._read_output)
        selector.register(self._wake, selectors.EVENT_READ, self._read_signals)
        while self._status is None:
            for key, _ in selector.select():
                if not key.data():
                    selector.unregister(key.fileobj)
        self._close()
        os._exit(0)

    def _read_output(self) -> bool:
        data = os.read(self._pipe, 65536)
        self._log.write(data)
        return bool(data)

    def _read_signals(self) -> bool:
        for number in set(os.read(self._wake, 512)):
            if number == signal.SIGTERM:
                self._signal_group(signal.SIGTERM)
            elif number == signal.SIGHUP:
                self._reload()
            elif number == signal.SIGCHLD:
                self._reap()
        return True

    def _reap(self) -> None:
        """Reap every ended child: ours, and its orphans that came to us as their subreaper."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == self._child:
                    self._status = ended[1]

    def _reload(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            with open(os.path.join(self._directory, RECORD), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                inputs = json.load(file)["inputs"]
            self._log.configure(inputs["logMaxBytes"], inputs["logBackups"])

    def _signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child, number)

    def _close(self) -> None:
        self._signal_group(signal.SIGKILL)
        os.set_blocking(self._pipe, False)
        with contextlib.suppress(BlockingIOError):
            while self._read_output():
                pass
        self._log.write(f"[opea] process {self._child} {_ending(self._status)} at {_now()}\n".encode())


def _tie_to(supervisor: int) -> Any:
    """What the child does before exec, so that it never outlives its supervisor (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def before_exec() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(errno.ESRCH)

    return before_exec


def _ending(status: int | None) -> str:
    code = os.waitstatus_to_exitcode(status or 0)
    return (
        f"exited with code {code}"
        if code >= 0
        else f"was ended by signal {-code} ({signal.strsignal(-code)})"
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


if __name__ == "__main__":
    main()
