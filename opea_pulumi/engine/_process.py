"""Runs a program in a process group of its own, with its output line by line and a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class ProcessFailed(Exception):  # noqa: N818  an outcome, turned into EngineError by the callers
    """A program ended with an error or did not end in time; the text is the reason."""


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    on_line: Callable[[str], None] = lambda _line: None,
) -> list[str]:
    """Run ``command`` for at most ``timeout`` seconds; returns the lines of its stdout.

    ``on_line`` gets each line of stderr. Whatever ends this function ends the whole process
    group. Raises ProcessFailed with the last lines of stderr (or stdout).
    """
    try:
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ProcessFailed(f"{command[0]} does not start: {error.strerror or error}") from error
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill(process)

    timer = threading.Timer(timeout, expire)
    timer.start()
    with process:
        try:
            out, err = _read(process, on_line)
        except BaseException:  # before `with` closes the pipes, which a reader may hold
            _kill(process)
            raise
        finally:
            timer.cancel()
    if expired.is_set():
        raise ProcessFailed(f"not done after {timeout:.0f} s")
    if process.returncode:
        raise ProcessFailed(_reason(process.returncode, err or out))
    return out


def _read(process: subprocess.Popen[str], on_line: Callable[[str], None]) -> tuple[list[str], list[str]]:
    if process.stdout is None or process.stderr is None:  # pragma: no cover  both are pipes
        return [], []
    out: list[str] = []
    source = process.stdout
    reader = threading.Thread(target=lambda: out.extend(line.rstrip() for line in source), daemon=True)
    reader.start()
    err: deque[str] = deque(maxlen=20)
    for line in process.stderr:
        err.append(line.rstrip())
        on_line(err[-1])
    reader.join()
    process.wait()
    return out, list(err)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int, lines: Sequence[str]) -> str:
    told = [line.strip() for line in lines if line.strip()][-3:]
    return " / ".join(told) if told else f"exit code {code}"
