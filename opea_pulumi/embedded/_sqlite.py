"""SQLite connections with sqlite-vec, transactions, and SQLite's faults as OperationErrors.

apsw brings its own SQLite; the standard library's is often built without extension loading.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import sqlite_vec

from opea_pulumi.errors import OperationError

__all__ = ["Database", "translated"]

BUSY_MS = 10_000
"""How long one process waits for the other's write transaction."""


class Database:
    """One SQLite file, shared with other processes; its methods may be called from any thread.

    The connection is opened at first use and again when the file was replaced behind our back
    (a store that was deleted and made anew), so that documents of a deleted file are never read.
    """

    def __init__(self, path: Path, max_bytes: int | None = None) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._connection: apsw.Connection | None = None
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection | None]:
        """A connection that sees one state of the file throughout, or None if there is no file."""
        with self._lock, translated(self.path):
            if not self.path.exists():
                yield None
                return
            with self._transaction("BEGIN") as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """A connection in a write transaction: all of it is stored, or nothing."""
        with self._lock, translated(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._transaction("BEGIN IMMEDIATE") as connection:
                yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[apsw.Connection]:
        connection = self._connect()
        connection.execute(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connect(self) -> apsw.Connection:
        if self._connection is not None and self._identity == self._file_identity():
            return self._connection
        self.close()
        self._connection = _open(self.path, self.max_bytes)
        self._identity = self._file_identity()
        return self._connection

    def _file_identity(self) -> tuple[int, int] | None:
        try:
            facts = self.path.stat()
        except FileNotFoundError:
            return None
        return facts.st_dev, facts.st_ino

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: Path, max_bytes: int | None) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    connection.enable_load_extension(False)
    # FULL: an ingest that was answered survives a power cut; WAL: readers never wait for it.
    # One by one: of several statements, execute() runs none beyond the first that returns a row.
    for name, value in (("journal_mode", "wal"), ("synchronous", "full"), ("foreign_keys", "on")):
        connection.pragma(name, value)
    if max_bytes is not None:
        connection.pragma("max_page_count", max(1, max_bytes // connection.pragma("page_size")))
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's and the file system's faults as OperationErrors that say what to do."""
    try:
        yield
    except apsw.FullError as error:
        raise OperationError(
            f"no space left for the document store {path.name}; documents ingested earlier are intact",
            code="store-full",
            hint="free disk space or raise VECTOR_STORE_MAX_BYTES",
        ) from error
    except (apsw.ReadOnlyError, PermissionError) as error:
        raise OperationError(
            f"the document store {path.name} can't be written", code="store-read-only"
        ) from error
    except (
        apsw.BusyError,
        apsw.CantOpenError,
        apsw.IOError,
        apsw.CorruptError,
        apsw.NotADBError,
        OSError,
    ) as error:
        raise OperationError(
            f"the document store {path.name} can't be used: {error}", code="store-unavailable"
        ) from error
