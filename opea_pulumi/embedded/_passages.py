"""Cuts a document's text into the passages that are embedded, found and quoted.

A passage never spans two headings, and begins with the trail of its headings ("Manual > Battery"),
so that it still says what it is about when it stands alone before a reranker or an llm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opea_pulumi.embedded._documents import Text

__all__ = ["Piece", "cut", "sentences", "title_of"]

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*")
_FENCE = re.compile(r"\s*(```|~~~)")
_LIST_ITEM = re.compile(r"\s*(?:[-*+\u2022|>]|\d+[.)])\s")
# A full stop ends a sentence when something that begins one follows; "e.g. this" and "3.5" don't.
_SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]*[A-Z0-9\u00c0-\u024f])|(?<=[\u3002\uff01\uff1f])"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|approx|Fig|Inc|Ltd|e\.g|i\.e)|\b[A-Z])\.$"
)


@dataclass(frozen=True)
class Piece:
    """A part of a document: the headings above it, and its own text."""

    trail: tuple[str, ...]
    body: str

    @property
    def text(self) -> str:
        """What is stored and quoted from: the trail on a line of its own, then the body."""
        return f"{' > '.join(self.trail)}\n{self.body}" if self.trail else self.body


def title_of(text: Text) -> str:
    """The first heading, or an empty string."""
    return next((piece.trail[0] for piece in _sections(text) if piece.trail), "")


def cut(text: Text, size: int, overlap: int) -> list[Piece]:
    """Pieces whose bodies have at most ``size`` characters; neighbours share up to ``overlap``.

    A section that fits is one piece. A longer one is cut at paragraphs' and sentences' ends.
    """
    return [
        Piece(section.trail, body)
        for section in _sections(text)
        for body in ([section.body] if len(section.body) <= size else _pack(section.body, size, overlap))
    ]


def _sections(text: Text) -> Iterator[Piece]:
    """The text between headings; a heading with nothing below it counts as text of its own."""
    trail: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False
    for line in text.text.split("\n"):
        fenced ^= bool(_FENCE.match(line))
        heading = _HEADING.fullmatch(line.strip()) if text.structured and not fenced else None
        if heading is None:
            lines.append(line)
            continue
        yield from _section(trail, lines)
        lines = []
        trail = [(level, title) for level, title in trail if level < len(heading[1])]
        trail.append((len(heading[1]), heading[2]))
    yield from _section(trail, lines)


def _section(trail: list[tuple[int, str]], lines: list[str]) -> Iterator[Piece]:
    body = "\n".join(lines).strip()
    if body:
        yield Piece(tuple(title for _, title in trail), body)


def _pack(body: str, size: int, overlap: int) -> Iterator[str]:
    """The units in bodies of at most ``size``; what holds nothing but white space is none."""
    return (packed for packed in _packed(body, size, overlap) if packed)


def _packed(body: str, size: int, overlap: int) -> Iterator[str]:
    taken: list[str] = []
    length = 0
    for unit in _units(body, size):
        if taken and length + len(unit) > size:
            yield "".join(taken).strip()
            taken = _tail(taken, min(overlap, size - len(unit)))
            length = sum(map(len, taken))
        taken.append(unit)
        length += len(unit)
    yield "".join(taken).strip()


def _tail(units: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for unit in reversed(units):
        room -= len(unit)
        if room < 0:
            break
        kept.insert(0, unit)
    return kept


def _units(body: str, size: int) -> Iterator[str]:
    """Sentences with the white space that follows them; what is still too long is cut at words."""
    for paragraph in re.findall(r"(?s).+?(?:\n\s*\n|$)", body):
        ends = [match.end() for match in _SENTENCE_END.finditer(paragraph)]
        starts = [0, *ends]
        for start, end in zip(starts, [*ends, len(paragraph)], strict=True):
            yield from _hard_cut(paragraph[start:end], size)


def _hard_cut(unit: str, size: int) -> Iterator[str]:
    while len(unit) > size:
        space = unit.rfind(" ", size // 2, size) + 1
        yield unit[: space or size]
        unit = unit[space or size :]
    if unit:
        yield unit


def sentences(text: str) -> list[str]:
    """The sentences of a passage in order; a list item, table row or title is one of its own."""
    found: list[str] = []
    for line in _unwrapped(text):
        rest = ""
        for part in _SENTENCE_END.split(line):
            rest = f"{rest} {part}".strip()
            if not _ABBREVIATION.search(rest):
                found.append(rest)
                rest = ""
        if rest:
            found.append(rest)
    return [sentence for sentence in found if re.search(r"\w", sentence)]


def _unwrapped(text: str) -> list[str]:
    """Lines with those joined that a fixed width had broken."""
    joined: list[str] = []
    open_line = False
    for line in text.split("\n"):
        stripped = line.strip()
        starts_anew = not stripped or bool(_LIST_ITEM.match(line)) or stripped.startswith("#")
        if open_line and not starts_anew:
            joined[-1] += f" {stripped}"
        elif stripped:
            joined.append(stripped)
        open_line = len(stripped) >= 50 and not stripped.endswith(("|", ":")) and not stripped.startswith("|")
    return joined
