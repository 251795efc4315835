"""The last lines of a log file, and those to come, across rotation and truncation."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from opea_pulumi.errors import OperationError

_POLL = 0.2


def lines(path: Path, tail: int, *, follow: bool) -> Iterator[str]:
    """The last ``tail`` lines of a file without their ends, then with ``follow`` new ones for ever.

    Raises:
        OperationError: the file cannot be read.
    """
    try:
        file: BinaryIO = path.open("rb")
    except OSError as error:
        message = f"the log cannot be read: {error.strerror}: {path}"
        raise OperationError(message, code="no-log") from None
    try:
        yield from deque(_rest(file, whole=follow), maxlen=tail)
        while follow:
            yield from _rest(file, whole=True)
            successor = _successor(path, file)
            if successor is None:
                time.sleep(_POLL)
                continue
            yield from _rest(file)
            file.close()
            file = successor
    finally:
        file.close()


def _rest(file: BinaryIO, *, whole: bool = False) -> Iterator[str]:
    """What was not read yet; with ``whole`` a line that is still being written is left for later."""
    while line := file.readline():
        if whole and not line.endswith(b"\n"):
            file.seek(-len(line), os.SEEK_CUR)
            return
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _successor(path: Path, file: BinaryIO) -> BinaryIO | None:
    """The file that took the log's place, if one did; one that was emptied is read from its start."""
    try:
        now = path.stat()
        if now.st_ino != os.fstat(file.fileno()).st_ino:
            return path.open("rb")
        if now.st_size < file.tell():
            file.seek(0)
    except FileNotFoundError:  # just being rotated, or deleted with its stack
        pass
    return None
