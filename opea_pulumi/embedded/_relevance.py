"""How well a text answers a question, from words and vectors; no model beyond wordllama.

``coverage`` asks how much of what the question says is in the text: each content word of the
question counts by how much it says (:meth:`Embedder.word`), and is met fully by the same stem,
partly by a word of near meaning ("heavy" by "weight"), not at all otherwise. Words with digits
("X200", "2024") are met only by themselves: near-duplicates differ in just those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from opea_pulumi.embedded._wordllama import Embedder, Vectors
from opea_pulumi.embedded._words import content_words, stem

__all__ = ["Question", "TextWords"]

NEAR = 0.5
"""Cosine from which a word of the text stands for a word of the question."""


@dataclass(frozen=True)
class Term:
    """A content word of the question."""

    word: str
    stem: str
    weight: float
    direction: Vectors


class TextWords:
    """The content words of a text, ready to be compared."""

    def __init__(self, embedder: Embedder, text: str) -> None:
        found = [word for word in content_words(text) if not any(map(str.isdigit, word))]
        self.stems = {stem(word) for word in content_words(text)}
        self.directions = np.stack([embedder.word(word)[1] for word in found]) if found else None


class Question:
    """A question's content words with their weights, and its vector."""

    def __init__(self, embedder: Embedder, text: str) -> None:
        self.embedder = embedder
        self.vector: Vectors = embedder.embed([text])[0]
        self.terms = [_term(embedder, word) for word in content_words(text)]
        self.weight = sum(term.weight for term in self.terms)

    def matches(self, text: TextWords) -> list[float]:
        """For each term, how well the text meets it, 0 to 1."""
        return [_match(term, text) for term in self.terms]

    def covered(self, matches: Iterable[float]) -> float:
        """The share of the question's weight that is met, 0 to 1."""
        if not self.weight:
            return 0.0
        met = sum(term.weight * match for term, match in zip(self.terms, matches, strict=True))
        return met / self.weight

    def cosine(self, text: str) -> float:
        """Similarity of the whole texts, 0 to 1."""
        return max(0.0, float(self.vector @ self.embedder.embed([text])[0]))


def _term(embedder: Embedder, word: str) -> Term:
    weight, direction = embedder.word(word)
    return Term(word, stem(word), weight, direction)


def _match(term: Term, text: TextWords) -> float:
    if term.stem in text.stems:
        return 1.0
    if text.directions is None or any(map(str.isdigit, term.word)):
        return 0.0
    nearest = float((text.directions @ term.direction).max())
    return nearest if nearest >= NEAR else 0.0
