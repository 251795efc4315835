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

CLOSE = 0.15
"""Cosine of question and passage below which they only share a word by chance."""
ENOUGH = 0.55
"""Share of the question that a passage, with its file's name, must cover."""
OWN = 0.25
"""Share of what the surroundings leave open that a sentence must cover itself."""
NUMBER = 0.3
"""What a number in a sentence adds to its score when the question asks for one."""
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
    """The document's sentences that answer the question; none if the passage is about something else."""
    name = " ".join(re.findall(r"[^\W_]+", PurePosixPath(document.source).stem))
    whole = question.matches(TextWords(question.embedder, f"{name}\n{document.text}"))
    if question.misses(whole) or question.covered(whole) < ENOUGH or question.cosine(document.text) < CLOSE:
        return []
    trail, body = _split_trail(document.text)
    lines = sentences(body)
    around = question.matches(TextWords(question.embedder, f"{name}\n{trail or lines[0]}"))
    scored = [(place, line, _score(question, around, line)) for place, line in enumerate(lines)]
    return [_Candidate(line, number, place, score) for place, line, score in scored if score > 0]


def _split_trail(text: str) -> tuple[str, str]:
    """The trail of headings or the title in a passage's first line, if that is one, and the rest."""
    first, _, rest = text.strip().partition("\n")
    if rest.strip() and first.strip()[-1:] not in ".!?:;,":
        return first, rest
    return "", text


def _score(question: Question, around: list[float], sentence: str) -> float:
    """How well a sentence answers what its surroundings leave open; 0 if it doesn't."""
    own = question.matches(TextWords(question.embedder, sentence))
    answered = question.covered(own, besides=around)
    if answered < OWN or not question.counts(sentence):
        return 0.0
    number = NUMBER if question.asks_number and any(map(str.isdigit, sentence)) else 0.0
    return answered + number + (question.covered(own) + question.cosine(sentence)) / 3


def _quoted(task: Task, candidates: Sequence[_Candidate]) -> str:
    best = max(candidates, key=lambda candidate: candidate.score)
    good = [c for c in candidates if c.document == best.document and c.score >= AS_GOOD * best.score]
    good = sorted(sorted(good, key=lambda c: -c.score)[:MAX_QUOTED], key=lambda c: c.place)
    quote = " ".join(dict.fromkeys(candidate.text for candidate in good))
    source = task.documents[best.document].source
    return f"From {source or 'the documents'}: \u201c{quote}\u201d\n\n{NOTE}"
