"""A document as plain data with the place of every value, and how documents are laid over each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from opea_pulumi.errors import HIDDEN, ApplicationError, Location

KeyPath = tuple[str | int, ...]

_KEY = re.compile(r"[\w./-]{1,64}")
KEY_FORM = re.compile(
    r"\b(hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{20,}|gh[a-z]_[A-Za-z0-9]{30,}|glpat-[\w-]{20,}"
    r"|nvapi-[\w-]{20,}|xox[a-z]-[\w-]{20,}|AKIA[A-Z0-9]{16})\b"
)
"""How the keys of well-known hubs and providers look."""


class Mark(NamedTuple):
    """Where something stands: in a file, or what else set it (``flag --hardware``, without a line)."""

    file: str
    line: int | None = None
    column: int | None = None


def key_path(path: Iterable[str | int]) -> str:
    """A path as people write it: ``opea_micro_services.llm.port``, ``mega_flow[0]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        name = part if _KEY.fullmatch(part) and not KEY_FORM.search(part) else HIDDEN
        text += f".{name}" if text else name
    return text


def quoted_key(key: str | int) -> str:
    """A key for a message: shown as in paths, which is not at all when it is ``HF_TOKEN=hf_...``."""
    return f"'{key_path((key,))}'"


@dataclass
class Source:
    """A parsed document: ``data`` is plain Python, lines and columns of marks count from 1.

    ``marks`` holds where each value stands, ``key_marks`` each key, ``text_marks`` the first
    character of each text on one line (after an anchor, a tag, an opening quote).
    """

    file: str = ""
    data: Any = None
    marks: dict[KeyPath, Mark] = field(default_factory=dict)
    key_marks: dict[KeyPath, Mark] = field(default_factory=dict)
    text_marks: dict[KeyPath, Mark] = field(default_factory=dict)

    def location(self, path: KeyPath, *, key: bool = False, offset: int | None = None) -> Location:
        """Where a value, its key or a character of its text stands; if missing, what should hold it."""
        if offset is not None and path in self.text_marks:
            file, line, column = self.text_marks[path]
            return Location(file, line, (column or 1) + offset, key_path(path))
        marks = self.key_marks if key and path in self.key_marks else self.marks
        known = path
        while known and known not in marks:
            known = known[:-1]
        mark = marks.get(known, Mark(self.file))
        return Location(*mark, path=key_path(path))

    def find(self, path: str) -> Location:
        """The place of a key path in text form; of what is not written, the place nearest above it."""
        written = {key_path(known): known for known in self.marks}
        above = path
        while above and above not in written:
            above = above.rpartition(".")[0]
        place = self.location(written.get(above, ()), key=True)
        return Location(place.file, place.line, place.column, path)

    def origin(self, path: str) -> Location | None:
        """What set the value at a key path in text form; ``None`` when it is not written."""
        known = next((known for known in self.marks if key_path(known) == path), None)
        return None if known is None else self.location(known, key=True)

    def values(self) -> Iterator[tuple[KeyPath, Any]]:
        """Every value that holds no others, with its path, in the document's order."""
        return _leaves((), self.data)

    def fail(
        self, code: str, message: str, path: KeyPath = (), *, key: bool = False, hint: str = ""
    ) -> NoReturn:
        """Raise an :class:`ApplicationError` at a value's place."""
        raise self.error(code, message, path, key=key, hint=hint) from None

    def error(
        self, code: str, message: str, path: KeyPath = (), *, key: bool = False, hint: str = ""
    ) -> ApplicationError:
        """An :class:`ApplicationError` at a value's place."""
        return ApplicationError(message, code=code, location=self.location(path, key=key), hint=hint)


def _leaves(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    items = _items(value)
    if not items:
        yield path, value
    for key, item in items:
        yield from _leaves((*path, key), item)


def _items(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def places(path: KeyPath, value: Any) -> Iterator[KeyPath]:
    """The path of a value and of every value in it."""
    yield path
    for key, item in _items(value):
        yield from places((*path, key), item)


def overlaid(base: Source, top: Source) -> Source:
    """One document from two: mappings merge by key, everything else of ``top`` replaces.

    A key with nothing (``null``) in ``top`` is deleted, if ``base`` has it. Every value keeps its place.
    """
    return _Overlay(base, top).result


class _Overlay:
    def __init__(self, base: Source, top: Source) -> None:
        self.top = top
        self.result = Source(base.file, None, dict(base.marks), dict(base.key_marks), dict(base.text_marks))
        self.result.data = self._merged((), base.data, top.data)

    def _merged(self, path: KeyPath, below: Any, above: Any) -> Any:
        if isinstance(above, Mapping) and isinstance(below, str) and path[-1:] == ("server",):
            below = self._written_out(path, below)
        if not isinstance(above, Mapping) or not isinstance(below, Mapping):
            self._forget(path, below)
            return self._taken(path, above)
        merged = dict(below)
        for key, item in above.items():
            place = (*path, key)
            if key not in merged:
                merged[key] = self._taken(place, item)
            elif item is None:
                self._forget(place, merged.pop(key))
            else:
                merged[key] = self._merged(place, merged[key], item)
        return merged

    def _written_out(self, path: KeyPath, kind: str) -> dict[str, str]:
        """``server: vllm`` is short for ``server: {kind: vllm}``."""
        result = self.result
        for marks in (result.marks, result.key_marks, result.text_marks):
            if path in marks:
                marks[*path, "kind"] = marks[path]
        return {"kind": kind}

    def _forget(self, path: KeyPath, value: Any) -> None:
        for place in places(path, value):
            for marks in (self.result.marks, self.result.key_marks, self.result.text_marks):
                marks.pop(place, None)

    def _taken(self, path: KeyPath, value: Any) -> Any:
        for place in places(path, value):
            self.result.marks.update(_one(self.top.marks, place))
            self.result.key_marks.update(_one(self.top.key_marks, place))
            self.result.text_marks.update(_one(self.top.text_marks, place))
        return value


def _one(marks: Mapping[KeyPath, Mark], place: KeyPath) -> dict[KeyPath, Mark]:
    return {place: marks[place]} if place in marks else {}


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the closest one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(names)}"
