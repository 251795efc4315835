"""Ingest: files and pages -> passages -> vectors from the embedding service -> the store."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fastapi.concurrency import run_in_threadpool

from opea_pulumi.embedded._documents import read_document
from opea_pulumi.embedded._embedding_client import EmbeddingClient
from opea_pulumi.embedded._passages import Piece, cut, title_of
from opea_pulumi.embedded._store import EmbeddingModel, NewDocument, NewPassage, VectorStore
from opea_pulumi.errors import OperationError

__all__ = ["Cutting", "Ingested", "Source", "ingest"]

FORMAT = "1"
"""Part of every digest: raise it with each change in cutting or indexing, and the next ingest stores anew."""


@dataclass(frozen=True)
class Source:
    """A file or page as it came; ``kind`` is empty unless a server named it."""

    name: str
    content: bytes
    kind: str = ""


@dataclass(frozen=True)
class Cutting:
    """How long passages are, and how much neighbours share, in characters."""

    size: int = 1500
    overlap: int = 100

    def __post_init__(self) -> None:
        if not 100 <= self.size <= 100_000 or not 0 <= self.overlap < self.size:
            message = "chunk_size must be 100 to 100000, and chunk_overlap at least 0 and less than that"
            raise OperationError(message, code="bad-input")


@dataclass(frozen=True)
class Ingested:
    """What became of a source; ``status`` is added, replaced or unchanged."""

    name: str
    status: str
    chunks: int


@dataclass(frozen=True)
class _Prepared:
    name: str
    title: str
    digest: str
    pieces: list[Piece]

    def indexed(self) -> list[str]:
        """What is embedded and searched: the file's name says what a text often doesn't."""
        name = " ".join(re.findall(r"[^\W_]+", PurePosixPath(self.name).stem))
        return [f"{name}\n{piece.text}" for piece in self.pieces]


async def ingest(
    store: VectorStore, index: str, client: EmbeddingClient, sources: Sequence[Source], cutting: Cutting
) -> list[Ingested]:
    """Store all sources, or none if one is bad; what is stored already, unchanged, is left alone.

    A source replaces the document of its name. Raises OperationError as reading, embedding and storing do.
    """
    sources = list({source.name: source for source in sources}.values())
    known = {stored.name: stored for stored in await run_in_threadpool(store.documents, index)}
    digests = {source.name: _digest(source, cutting) for source in sources}
    new = [s for s in sources if s.name not in known or known[s.name].digest != digests[s.name]]
    prepared = [await run_in_threadpool(_prepare, source, digests[source.name], cutting) for source in new]
    documents, model = await _embedded(client, prepared)
    await run_in_threadpool(store.put, index, model, documents)
    counts = {name: stored.passages for name, stored in known.items()}
    counts |= {document.name: len(document.passages) for document in documents}
    changed = {document.name: "replaced" if document.name in known else "added" for document in documents}
    return [Ingested(s.name, changed.get(s.name, "unchanged"), counts[s.name]) for s in sources]


def _digest(source: Source, cutting: Cutting) -> str:
    header = f"{FORMAT} {cutting.size} {cutting.overlap} {source.kind}\n"
    return hashlib.sha256(header.encode() + source.content).hexdigest()


def _prepare(source: Source, digest: str, cutting: Cutting) -> _Prepared:
    text = read_document(source.name, source.content, source.kind)
    title = title_of(text) or PurePosixPath(source.name).stem
    return _Prepared(source.name, title, digest, cut(text, cutting.size, cutting.overlap))


async def _embedded(
    client: EmbeddingClient, prepared: Sequence[_Prepared]
) -> tuple[list[NewDocument], EmbeddingModel]:
    model_id, batch = await client.model()
    texts = [text for document in prepared for text in document.indexed()]
    # With nothing new the model is still asked, so that a wrong one is found out.
    vectors = await client.embed(texts or ["dimension"], batch)
    rows = iter(zip(texts, vectors, strict=bool(texts)))
    documents = [
        NewDocument(
            document.name,
            document.title,
            document.digest,
            [NewPassage(piece.text, *next(rows)) for piece in document.pieces],
        )
        for document in prepared
    ]
    return documents, EmbeddingModel(model_id, vectors.shape[1])
