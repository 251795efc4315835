"""The embedding model: wordllama, whose weights and tokenizer come inside its wheel.

Its three sizes are one 256-dimension model cut to its first dimensions (it was trained so that
this works). The length of a word's vector grows with how much the word says: "the" 1.6, "price"
11, "Bluetooth" 19; :meth:`Embedder.word` uses that in place of document frequencies.
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from opea_pulumi.errors import OperationError

__all__ = ["DEFAULT_MODEL", "MODELS", "Embedder", "Vectors", "check_model", "load_embedder"]

Vectors = NDArray[np.float32]

DEFAULT_MODEL = "wordllama-256"
MODELS = {"wordllama-256": 256, "wordllama-128": 128, "wordllama-64": 64}
"""Model id -> dimension of its vectors."""

_loading = threading.Lock()


def check_model(model_id: str) -> str:
    """``model_id`` if it is known; else raise OperationError ``unknown-model``."""
    if model_id in MODELS:
        return model_id
    raise OperationError(
        f"unknown embedding model {model_id!r}", code="unknown-model", hint=f"one of: {', '.join(MODELS)}"
    )


def load_embedder(model_id: str = DEFAULT_MODEL) -> Embedder:
    """The model, loaded once a process (0.2 s, no network)."""
    with _loading:
        return _load(model_id)


@cache
def _load(model_id: str) -> Embedder:
    import wordllama

    dimension = MODELS[check_model(model_id)]
    folder = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=folder, trunc_dim=dimension, disable_download=True)
    return Embedder(model_id, model)


class Embedder:
    """Turns texts into vectors; safe to use from several threads."""

    def __init__(self, model_id: str, model: Any) -> None:
        self.model_id = model_id
        self.dimension = MODELS[model_id]
        self._model = model
        self.word = lru_cache(maxsize=50_000)(self._word)

    def embed(self, texts: list[str], *, normalize: bool = True) -> Vectors:
        """One row a text, of length 1 unless ``normalize`` is false; a text without words is zeros."""
        vectors: Vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            ids = self._ids(text)
            if ids:
                vectors[row] = self._model.embedding[ids].mean(axis=0)
        if normalize:
            lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
            vectors /= np.where(lengths == 0, 1, lengths)
        return vectors

    def count_tokens(self, texts: list[str]) -> int:
        """Number of tokens of all texts together."""
        return sum(len(self._ids(text)) for text in texts)

    def _ids(self, text: str) -> list[int]:
        # One by one: the tokenizer pads a batch to its longest text, which costs more than it saves.
        ids: list[int] = self._model.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _word(self, word: str) -> tuple[float, Vectors]:
        """How much a word says (length of the sum of its pieces), and its direction (length 1)."""
        total: Vectors = self._model.embedding[self._ids(word)].sum(axis=0)
        length = float(np.linalg.norm(total))
        return length, total / (length or 1.0)
