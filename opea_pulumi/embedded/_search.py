"""Search in one index: nearest vectors fused with matching words, thresholds, and diversity (MMR).

Near-duplicates (manuals of sibling products, last year's policy) have almost one vector; the words
in which they differ tell them apart, so a passage's rank by BM25 counts beside its rank by vector
(reciprocal rank fusion, Cormack et al. 2009). tests/embedded measures what that gains.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apsw
import numpy as np

from opea_pulumi.embedded._protocol import SearchParams
from opea_pulumi.embedded._store import EmbeddingModel, VectorStore, is_store, stems_of, stored_model
from opea_pulumi.embedded._wordllama import Vectors
from opea_pulumi.embedded._words import content_words
from opea_pulumi.errors import OperationError

__all__ = ["Passage", "search"]

RANK_OFFSET = 60
"""The constant of reciprocal rank fusion: the first few ranks weigh almost alike."""

CANDIDATES = 50
"""How deep each of the two rankings is read at least."""


@dataclass(frozen=True)
class Passage:
    """A passage that was found; ``similarity`` is the cosine with the query, -1 to 1."""

    id: int
    text: str
    source: str
    title: str
    similarity: float


def search(
    store: VectorStore,
    index: str,
    vector: list[float],
    text: str,
    params: SearchParams,
    model_id: str | None = None,
) -> list[Passage]:
    """At most ``params.k`` passages, best first; none when the index is missing or empty.

    ``text`` may be empty: then only the vector counts. ``model_id`` is what made the vector, if known.
    Raises OperationError ``model-mismatch`` when the vector can't be of the index's model.
    """
    query = np.asarray(vector, dtype=np.float32)
    with store.database(index).reading() as connection:
        model = stored_model(connection) if connection is not None and is_store(connection) else None
        if connection is None or model is None:
            return []
        _check_query(index, model, query, model_id)
        return _search(connection, query, text, params)


def _check_query(index: str, model: EmbeddingModel, query: Vectors, model_id: str | None) -> None:
    if query.size == model.dimension and model_id in (None, model.id):
        return
    raise OperationError(
        f"index {index} was made with the embedding model {model}, but the query's vector comes from"
        f" {model_id or 'a model'} with {query.size} dimensions",
        code="model-mismatch",
        hint="give embedding and dataprep the same model, then ingest again",
    )


def _search(connection: apsw.Connection, query: Vectors, text: str, params: SearchParams) -> list[Passage]:
    depth = max(CANDIDATES, params.k, params.fetch_k)
    near = _nearest(connection, query, depth)
    keys = _fuse([list(near), _matching(connection, text, depth)])
    vectors = _vectors(connection, keys)
    similarity = {key: _cosine(query, vectors[key]) for key in keys}
    keys = [key for key in keys if _passes(similarity[key], params)]
    passages = _distinct(_load(connection, key, similarity[key]) for key in keys)
    if params.search_type == "mmr":
        passages = _diverse(passages[: params.fetch_k], vectors, params)
    return passages[: params.k]


def _nearest(connection: apsw.Connection, query: Vectors, depth: int) -> list[int]:
    if not query.any():  # a text without words: cosine distance is undefined
        return []
    order = "vec_distance_cosine(vector, ?) NULLS LAST, passage_id"
    sql = f"SELECT passage_id FROM vectors ORDER BY {order} LIMIT ?"  # noqa: S608
    return [row[0] for row in connection.execute(sql, (query.tobytes(), depth))]


def _matching(connection: apsw.Connection, text: str, depth: int) -> list[int]:
    stems = dict.fromkeys(stems_of(" ".join(content_words(text))).split())
    if not stems:
        return []
    match = " OR ".join(f'"{stem}"' for stem in stems)
    sql = "SELECT rowid FROM stems WHERE stems MATCH ? ORDER BY bm25(stems), rowid LIMIT ?"
    return [row[0] for row in connection.execute(sql, (match, depth))]


def _fuse(rankings: list[list[int]]) -> list[int]:
    score: dict[int, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking):
            score[key] = score.get(key, 0.0) + 1 / (RANK_OFFSET + rank)
    return sorted(score, key=lambda key: (-score[key], key))


def _vectors(connection: apsw.Connection, keys: list[int]) -> dict[int, Vectors]:
    marks = ",".join("?" * len(keys))
    rows = connection.execute(f"SELECT passage_id, vector FROM vectors WHERE passage_id IN ({marks})", keys)  # noqa: S608
    return {key: np.frombuffer(blob, dtype=np.float32) for key, blob in rows}


def _cosine(one: Vectors, other: Vectors) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


def _passes(similarity: float, params: SearchParams) -> bool:
    if params.search_type == "similarity_score_threshold":
        return similarity >= params.score_threshold
    if params.search_type == "similarity_distance_threshold" and params.distance_threshold is not None:
        return 1 - similarity <= params.distance_threshold
    return True


def _load(connection: apsw.Connection, key: int, similarity: float) -> Passage:
    sql = (
        "SELECT passages.text, name, title FROM passages JOIN documents ON documents.id = document_id"
        " WHERE passages.id = ?"
    )
    [(text, name, title)] = connection.execute(sql, (key,))
    return Passage(key, text, name, title, similarity)


def _distinct(passages: Iterable[Passage]) -> list[Passage]:
    """Without repeated texts: copies of one file must not take all the places."""
    first: dict[str, Passage] = {}
    for passage in passages:
        first.setdefault(passage.text, passage)
    return list(first.values())


def _diverse(passages: list[Passage], vectors: dict[int, Vectors], params: SearchParams) -> list[Passage]:
    """Maximal marginal relevance: each next passage is near the query and far from those chosen."""
    chosen: list[Passage] = []
    rest = list(passages)

    def gain(passage: Passage) -> float:
        alike = max((_cosine(vectors[passage.id], vectors[other.id]) for other in chosen), default=0.0)
        return params.lambda_mult * passage.similarity - (1 - params.lambda_mult) * alike

    while rest and len(chosen) < params.k:
        best = max(rest, key=gain)
        chosen.append(best)
        rest.remove(best)
    return chosen
