"""Child processes of the language host: which Python they get, how they run and end."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

Chunk = tuple[str, bytes]
"""``("stdout" | "stderr", bytes)`` as they come."""


def virtualenv(info: Any) -> Path | None:
    """The folder that ``runtime.options.virtualenv`` names, relative to the project's root."""
    options = info.options.fields
    named = options["virtualenv"].string_value if "virtualenv" in options else ""
    return Path(info.root_directory, named) if named else None


def interpreter(info: Any) -> str:
    """The Python of the project's virtual environment; without one, the host's own.

    Raises FileNotFoundError that says how to make the environment.
    """
    folder = virtualenv(info)
    if folder is None:
        return os.environ.get("PULUMI_PYTHON_CMD") or sys.executable
    python = folder / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(
            f"the virtual environment {folder} that Pulumi.yaml names does not exist; "
            f"make it: python3 -m venv {folder} && {python} -m pip install 'opea-pulumi[local]'"
        )
    return str(python)


def environment(python: str, extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment for a child of ``python``; its scripts are found first."""
    scripts = str(Path(python).parent)
    path = os.pathsep.join([scripts, os.environ.get("PATH", "")]) if os.sep in python else os.environ["PATH"]
    return {**os.environ, "PATH": path, **extra}


def output(command: Sequence[str]) -> str:
    """What a short command prints; empty when it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


class Children:
    """The children that are running, so that Cancel and the host's end can end them too."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.cancelled = False

    def run(self, command: Sequence[str], cwd: str, env: Mapping[str, str]) -> int:
        """Run with the host's own stdout and stderr, which the engine shows; the exit code."""
        with self._child(command, cwd, env) as child:
            return child.wait()

    def stream(self, command: Sequence[str], cwd: str, env: Mapping[str, str]) -> Iterator[Chunk | int]:
        """Run and give the output as it comes, then the exit code."""
        chunks: queue.Queue[Chunk | None] = queue.Queue()

        def read(name: str, source: IO[bytes]) -> None:
            while block := os.read(source.fileno(), 65536):
                chunks.put((name, block))
            chunks.put(None)

        pipe = subprocess.PIPE
        with self._child(command, cwd, env, stdout=pipe, stderr=pipe) as child:
            for name, source in (("stdout", child.stdout), ("stderr", child.stderr)):
                threading.Thread(target=read, args=(name, source), daemon=True).start()
            ended = 0
            while ended < 2:
                chunk = chunks.get()
                if chunk is None:
                    ended += 1
                else:
                    yield chunk
            yield child.wait()

    def end(self) -> None:
        """Ask every child to end, now and in future."""
        with self._lock:
            self.cancelled = True
            for child in self._running:
                child.terminate()

    @contextmanager
    def _child(
        self, command: Sequence[str], cwd: str, env: Mapping[str, str], **streams: int
    ) -> Iterator[subprocess.Popen[bytes]]:
        with self._lock:
            child = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                **streams,  # type: ignore[call-overload]
            )
            self._running.add(child)
            if self.cancelled:
                child.terminate()
        try:
            yield child
        finally:
            with self._lock:
                self._running.discard(child)
                if child.poll() is None:
                    child.terminate()
            child.wait()
