"""Lines of the log on their way to stdout: a slow reader never holds the router up."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque

_PAUSE = 0.05
"""Seconds between two writes, so that a busy router writes many lines at once. The first goes out at once."""

_MOST = 100_000
"""Lines that wait at most; when nobody reads them, more would only cost memory."""

_PATIENCE = 5.0
"""Seconds that the end waits for the last lines to be taken."""


class Lines(logging.Handler):
    """Writes a file descriptor in a thread of its own; ``close`` writes what is left."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[str] = deque()
        self._lost = 0
        self._some = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line. Without the handler's lock: a deque needs none."""
        if len(self._lines) < _MOST:
            self._lines.append(record.getMessage())
        else:
            self._lost += 1
        if not self._some.is_set():
            self._some.set()
        return True

    def close(self) -> None:
        """Wait until everything is written, but not for ever."""
        self._closing = True
        self._some.set()
        self._thread.join(_PATIENCE)
        super().close()

    def _run(self) -> None:
        while not (self._closing and not self._lines):
            self._some.wait()
            self._some.clear()
            self._write()
            if not self._closing:
                time.sleep(_PAUSE)

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if self._lost:
            lines.append(f'{{"event": "log-lines-lost", "number": {self._lost}}}')
            self._lost = 0
        data = "".join(line + "\n" for line in lines).encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            pass  # nobody reads any more: that must not end the router
