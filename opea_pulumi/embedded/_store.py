"""The vector store that dataprep writes and retriever reads: one SQLite file per index.

A vector is a blob in an ordinary table, compared by sqlite-vec's functions, and the stems are in a
full-text table. sqlite-vec's own virtual table would be 1.5 times as fast (50,000 passages: 25 ms
against 35 ms), but it hides a full disk behind an error of its own.
Every change of a document is one transaction, so a reader sees all of its old passages or all of
its new ones. The file records the embedding model that made its vectors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apsw

from opea_pulumi.embedded._sqlite import Database
from opea_pulumi.embedded._wordllama import Vectors
from opea_pulumi.embedded._words import stem, words
from opea_pulumi.errors import OperationError

__all__ = ["EmbeddingModel", "NewDocument", "NewPassage", "StoredDocument", "VectorStore"]

INDEX_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")

SCHEMA = """
CREATE TABLE IF NOT EXISTS model (id TEXT NOT NULL, dimension INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS documents (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, digest TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS passages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  document_id INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
  text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS passages_of_document ON passages (document_id);
CREATE TABLE IF NOT EXISTS vectors (
  passage_id INTEGER PRIMARY KEY REFERENCES passages ON DELETE CASCADE, vector BLOB NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS stems USING fts5 (text, content='', contentless_delete=1);
"""


@dataclass(frozen=True)
class EmbeddingModel:
    """What made a vector: the model's id and the number of its dimensions."""

    id: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.id} ({self.dimension} dimensions)"


@dataclass(frozen=True)
class NewPassage:
    """A piece of a document: what is quoted, what is indexed, and its vector (float32)."""

    text: str
    indexed: str
    vector: Vectors


@dataclass(frozen=True)
class NewDocument:
    """A document to store under its name; ``digest`` identifies its content and how it was cut."""

    name: str
    title: str
    digest: str
    passages: Sequence[NewPassage]


@dataclass(frozen=True)
class StoredDocument:
    """A document that is in the store."""

    name: str
    title: str
    digest: str
    passages: int


class VectorStore:
    """All indices of one folder."""

    def __init__(self, folder: Path, max_bytes: int | None = None) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._databases: dict[str, Database] = {}

    def database(self, index: str) -> Database:
        """The file of an index, which need not exist; OperationError ``bad-index-name`` for a wrong name."""
        if not INDEX_NAME.fullmatch(index):
            raise OperationError(
                f"{index[:140]!r} is no index name",
                code="bad-index-name",
                hint="letters, digits, '.', '_' and '-', starting with a letter or digit, at most 128",
            )
        return self._databases.setdefault(index, Database(self.folder / f"{index}.db", self.max_bytes))

    def indices(self) -> list[str]:
        """Names of the indices that hold documents, sorted."""
        names = sorted(path.stem for path in self.folder.glob("*.db") if INDEX_NAME.fullmatch(path.stem))
        return [name for name in names if self.documents(name)]

    def documents(self, index: str) -> list[StoredDocument]:
        """What the index holds, sorted by name; nothing if there is no such index."""
        with self.database(index).reading() as connection:
            if connection is None or not is_store(connection):
                return []
            rows = connection.execute(
                "SELECT name, title, digest, (SELECT count(*) FROM passages WHERE document_id = documents.id)"
                " FROM documents ORDER BY name"
            )
            return [StoredDocument(*row) for row in rows]

    def put(self, index: str, model: EmbeddingModel, documents: Sequence[NewDocument]) -> None:
        """Store the documents, each in place of the one of its name: all of them or none.

        Raises OperationError: ``model-mismatch``, ``store-full``, ``store-read-only``, ``store-unavailable``.
        """
        with self.database(index).writing() as connection:
            connection.execute(SCHEMA)
            if not _has_documents(connection):
                _start_with(connection, model)
            _check_model(connection, index, model)
            for document in documents:
                _remove(connection, document.name)
                _insert(connection, document)

    def delete(self, index: str, name: str) -> bool:
        """Remove one document; False if there is none of that name."""
        return self._remove(index, lambda stored: stored == name) > 0

    def clear(self, index: str) -> None:
        """Remove every document of the index, in one step."""
        self._remove(index, lambda _stored: True)

    def _remove(self, index: str, chosen: Callable[[str], bool]) -> int:
        if not self.documents(index):  # without creating a file
            return 0
        with self.database(index).writing() as connection:
            names = [str(row[0]) for row in connection.execute("SELECT name FROM documents").fetchall()]
            return sum(_remove(connection, name) for name in names if chosen(name))


def is_store(connection: apsw.Connection) -> bool:
    """Whether the file has its tables (its writer may be about to make them)."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = 'vectors'"
    return connection.execute(query).fetchone() is not None


def stored_model(connection: apsw.Connection) -> EmbeddingModel | None:
    """The model of the index's vectors, or None while it holds no document."""
    row = connection.execute("SELECT id, dimension FROM model").fetchone()
    return EmbeddingModel(*row) if row and _has_documents(connection) else None


def stems_of(text: str) -> str:
    """The text as the full-text table holds it, so that query and passage are cut in one way."""
    return " ".join(stem(word) for word in words(text))


def _has_documents(connection: apsw.Connection) -> bool:
    return connection.execute("SELECT 1 FROM documents LIMIT 1").fetchone() is not None


def _check_model(connection: apsw.Connection, index: str, model: EmbeddingModel) -> None:
    stored = stored_model(connection)
    if stored not in (None, model):
        raise OperationError(
            f"index {index} was made with embedding model {stored}, but the embedding service has {model}",
            code="model-mismatch",
            hint="restore the model, or delete all documents (or use another index) and ingest again",
        )


def _start_with(connection: apsw.Connection, model: EmbeddingModel) -> None:
    connection.execute("DELETE FROM model")
    connection.execute("INSERT INTO model VALUES (?, ?)", (model.id, model.dimension))


def _remove(connection: apsw.Connection, name: str) -> bool:
    row = connection.execute("SELECT id FROM documents WHERE name = ?", (name,)).fetchone()
    if row is None:
        return False
    # The full-text table is virtual: no foreign key reaches it.
    connection.execute(
        "DELETE FROM stems WHERE rowid IN (SELECT id FROM passages WHERE document_id = ?)", row
    )
    connection.execute("DELETE FROM documents WHERE id = ?", row)
    return True


def _insert(connection: apsw.Connection, document: NewDocument) -> None:
    connection.execute(
        "INSERT INTO documents (name, title, digest) VALUES (?, ?, ?)",
        (document.name, document.title, document.digest),
    )
    document_id = connection.last_insert_rowid()
    for passage in document.passages:
        connection.execute(
            "INSERT INTO passages (document_id, text) VALUES (?, ?)", (document_id, passage.text)
        )
        key = connection.last_insert_rowid()
        connection.execute("INSERT INTO vectors VALUES (?, ?)", (key, passage.vector.tobytes()))
        connection.execute("INSERT INTO stems (rowid, text) VALUES (?, ?)", (key, stems_of(passage.indexed)))
