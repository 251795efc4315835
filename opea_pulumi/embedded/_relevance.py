"""How well a text answers a question, from words and vectors; no model beyond wordllama.

Each content word of the question counts by how much it says (:meth:`Embedder.word`), and a text
meets it fully with the same stem, partly with a word of near meaning ("heavy" by "weight"), or
not at all. Some words are telling: a text that doesn't meet them is about something else. Those
are words with digits ("X200", "2024"), names, and words that say much; near-duplicates and
questions that nothing answers differ from the right passage in just those.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from opea_pulumi.embedded._wordllama import Embedder, Vectors
from opea_pulumi.embedded._words import content_words, stem, words

__all__ = ["Question", "TextWords"]

NEAR = 0.38
"""Cosine from which a word of the text stands for a word of the question."""
NAME_NEAR = 0.7
"""The same for names: Lakeside is not Riverside, but India is meant by Indian."""
TELLING = 14.0
"""Weight from which a word must be met: "salary" has 15, "colour" 14, "price" 11, "the" 2."""

BESIDE = 3
"""How far behind a number what it counts may stand, in words: "27 days", "10 paid working days"."""

_ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|often|soon|fast|quickly|frequently|big|large|high|tall|heavy|far|old|late)"
    r"|when|until|what time|price|costs?|rate|fee|age|number|limit|max(?:imum)?|min(?:imum)?|size|length)\b",
    re.IGNORECASE,
)
_VERB = r"(?:do|does|did|are|is|was|were|can|could|will|would|has|have|had|should|shall|must|may|might)"
# up to the verb or the "of" ("vacation days do", "days of"); without one it is the first word
_HOW_MANY = re.compile(
    rf"\bhow many\s+(?:of\s+)?(?:((?:\S+\s+){{0,3}}?\S+?)\s+(?:of|{_VERB})\b|([^\W\d_]+))", re.IGNORECASE
)
_ONE_TO_TWELVE = "one two three four five six seven eight nine ten eleven twelve"
_NUMBER_WORDS = frozenset(["no", *_ONE_TO_TWELVE.split(), "hundred", "thousand"])
_NAME = re.compile(r"(?<=[^\s.!?:] )[A-Z][^\W\d_]+")


@dataclass(frozen=True)
class Term:
    """A content word of the question; a text meets it by a word at least as near as ``near``."""

    stem: str
    weight: float
    direction: Vectors
    near: float
    telling: bool


class TextWords:
    """The content words of a text, ready to be compared."""

    def __init__(self, embedder: Embedder, text: str) -> None:
        found = content_words(text)
        self.stems = {stem(word) for word in found}
        directions = [embedder.word(word)[1] for word in found if not _has_digit(word)]
        self.directions = np.stack(directions) if directions else None


class Question:
    """A question's content words with their weights, its vector, and whether the answer holds a number."""

    def __init__(self, embedder: Embedder, text: str) -> None:
        self.embedder = embedder
        self.vector: Vectors = embedder.embed([text])[0]
        self.asks_number = bool(_ASKS_NUMBER.search(text))
        counted = _HOW_MANY.search(text)
        phrase = content_words(counted[1] or counted[2]) if counted else []
        self._counted = _term(embedder, phrase[-1], is_name=False) if phrase else None
        names = {word.lower() for word in _NAME.findall(text)}
        self.terms = [_term(embedder, word, word in names) for word in content_words(text)]

    def matches(self, text: TextWords) -> list[float]:
        """For each term, how well the text meets it, 0 to 1."""
        return [_match(term, text) for term in self.terms]

    def covered(self, matches: Sequence[float], besides: Sequence[float] | None = None) -> float:
        """The share of the question's weight that is met, 0 to 1; of what ``besides`` leaves, when given.

        A question of which nothing is left is covered.
        """
        left = [1 - match for match in besides] if besides is not None else [1.0] * len(matches)
        weights = [term.weight * share for term, share in zip(self.terms, left, strict=True)]
        whole = sum(weights)
        met = sum(weight * match for weight, match in zip(weights, matches, strict=True))
        return met / whole if whole else 1.0

    def misses(self, matches: Sequence[float]) -> bool:
        """Whether a telling word is not met."""
        return any(term.telling and not match for term, match in zip(self.terms, matches, strict=True))

    def counts(self, sentence: str) -> bool:
        """Whether the sentence has a number beside what a "how many" question counts; else always true."""
        if self._counted is None:
            return True
        found = words(sentence)
        numbers = [place for place, word in enumerate(found) if _has_digit(word) or word in _NUMBER_WORDS]
        beside = {word for place in numbers for word in found[max(0, place - 1) : place + BESIDE + 1]}
        return _match(self._counted, TextWords(self.embedder, " ".join(sorted(beside)))) > 0

    def cosine(self, text: str) -> float:
        """Similarity of the whole texts, 0 to 1."""
        return max(0.0, float(self.vector @ self.embedder.embed([text])[0]))


def _term(embedder: Embedder, word: str, is_name: bool) -> Term:
    weight, direction = embedder.word(word)
    if _has_digit(word):
        return Term(stem(word), weight, direction, near=math.inf, telling=True)
    near = NAME_NEAR if is_name else NEAR
    return Term(stem(word), weight, direction, near, telling=is_name or weight >= TELLING)


def _match(term: Term, text: TextWords) -> float:
    if term.stem in text.stems:
        return 1.0
    if text.directions is None:
        return 0.0
    nearest = float((text.directions @ term.direction).max())
    return nearest if nearest >= term.near else 0.0


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))
