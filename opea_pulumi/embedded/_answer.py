"""The extractive answer: the sentences of the documents that answer a question, or "I don't know".

A sentence is judged together with what stands around it: the file's name and the passage's headings
say what it is about ("X200 manual > Battery"), so it needs to hold only the rest of the question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from opea_pulumi.embedded._passages import sentences
from opea_pulumi.embedded._prompt import Document, Task
from opea_pulumi.embedded._relevance import Question, TextWords
from opea_pulumi.embedded._wordllama import load_embedder

__all__ = ["NOTE", "NOT_FOUND", "NO_DOCUMENTS", "answer"]

NOTE = "(extractive answer: sentences quoted from your documents)"
NOT_FOUND = "I don't know: nothing in the documents answers this."
NO_DOCUMENTS = "I don't know: no documents were found for this question. Ingest some first."

ENOUGH = 0.62
"""Share of the question that a sentence and its surroundings must cover."""
OWN = 0.35
"""Share of what the surroundings don't say that the sentence itself must cover."""
MAX_QUOTED = 3
AS_GOOD = 0.85
"""A further sentence is quoted when its score is at least this share of the best one's."""


@dataclass(frozen=True)
class _Candidate:
    text: str
    document: int
    place: int
    score: float


def answer(task: Task) -> str:
    """Quotes with the names of their files and a note that they are quotes; or why there is none."""
    if not task.documents:
        return NO_DOCUMENTS
    question = Question(load_embedder(), task.question)
    candidates = [
        candidate
        for number, document in enumerate(task.documents)
        for candidate in _candidates(question, document, number)
    ]
    return _quoted(task, candidates) if candidates else NOT_FOUND


def _candidates(question: Question, document: Document, number: int) -> list[_Candidate]:
    """The document's sentences that answer the question."""
    title, *rest = document.text.split("\n", 1)
    trail = title if rest else ""
    name = " ".join(re.findall(r"[^\W_]+", PurePosixPath(document.source).stem))
    around = question.matches(TextWords(question.embedder, f"{name}\n{trail}"))
    found = []
    for place, sentence in enumerate(sentences(document.text)):
        score = _score(question, around, sentence)
        if score is not None and sentence != trail:
            found.append(_Candidate(sentence, number, place, score))
    return found


def _score(question: Question, around: list[float], sentence: str) -> float | None:
    """How well a sentence answers; None if it doesn't."""
    own = question.matches(TextWords(question.embedder, sentence))
    both = [max(pair) for pair in zip(own, around, strict=True)]
    covered = question.covered(both)
    if covered < ENOUGH:
        return None
    return covered + question.covered(own) + question.cosine(sentence)


def _quoted(task: Task, candidates: Sequence[_Candidate]) -> str:
    best = max(candidates, key=lambda candidate: candidate.score)
    good = [c for c in candidates if c.document == best.document and c.score >= AS_GOOD * best.score]
    good = sorted(sorted(good, key=lambda c: -c.score)[:MAX_QUOTED], key=lambda c: c.place)
    quote = " ".join(dict.fromkeys(candidate.text for candidate in good))
    source = task.documents[best.document].source
    return f"From {source or 'the documents'}: \u201c{quote}\u201d\n\n{NOTE}"
