"""Safe YAML with the place of every value, so that an error can point at it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from opea_pulumi.errors import ApplicationError, Location

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000
"""A unified YAML has some hundred values; aliases that multiply into more are an attack or a mistake."""

MAX_DEPTH = 32
"""Nesting; the C composer recurses without a limit of its own and would crash the process."""

KeyPath = tuple[str | int, ...]

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def key_path(path: Iterable[str | int]) -> str:
    """A path as people write it: ``opea_micro_services.llm.port``, ``mega_flow[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


@dataclass
class Source:
    """A parsed document: ``data`` is plain Python, ``marks`` the (line, column) of each value and key."""

    file: str = ""
    data: Any = None
    marks: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    key_marks: dict[KeyPath, tuple[int, int]] = field(default_factory=dict)
    quoted: set[KeyPath] = field(default_factory=set)

    def location(self, path: KeyPath, *, key: bool = False, offset: int = 0) -> Location:
        """Where a value (or its key) stands; of what is missing, the place of what should hold it."""
        marks = self.key_marks if key and path in self.key_marks else self.marks
        known = path
        while known and known not in marks:
            known = known[:-1]
        line, column = marks.get(known, (None, None))
        shifted = column + offset if column is not None and known == path else column
        return Location(self.file, line, shifted, key_path(path))

    def find(self, path: str) -> Location:
        """The place of a key path in text form; of what is not written, the place nearest above it."""
        written = {key_path(known): known for known in self.marks}
        while path not in written and path:
            path = path.rpartition(".")[0]
        return self.location(written.get(path, ()), key=True)

    def fail(
        self, code: str, message: str, path: KeyPath = (), *, key: bool = False, hint: str = ""
    ) -> NoReturn:
        """Raise an :class:`ApplicationError` at a value's place."""
        raise ApplicationError(message, code=code, location=self.location(path, key=key), hint=hint)


def parse(text: str | bytes, file: str = "") -> Source:
    """Read YAML text.

    Raises:
        ApplicationError: too large, not YAML, more than one document, duplicate or non-string keys,
            tags beyond the safe ones, aliases that contain themselves or multiply.
    """
    source = Source(file)
    if len(text) > MAX_BYTES:
        source.fail("too-large", f"the file has more than {MAX_BYTES} bytes")
    try:
        _check_depth(source, text)
        loader = SAFE_LOADER(text)
        node = loader.get_single_node()
        if node is not None:
            source.data = _Builder(source, loader).build(node, (), ())
    except yaml.MarkedYAMLError as error:
        _not_yaml(source, error)
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError) as error:
        source.fail("bad-yaml", f"not YAML: {str(error).splitlines()[0]}")
    return source


def _check_depth(source: Source, text: str | bytes) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=SAFE_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            source.fail("too-deep", f"values are nested more than {MAX_DEPTH} deep")


def _not_yaml(source: Source, error: yaml.MarkedYAMLError) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    place = Location(source.file, mark.line + 1, mark.column + 1) if mark else Location(source.file)
    problem = " ".join(part for part in (error.context, error.problem) if part)
    hint = "indent with spaces; tabs are not allowed" if "\\t" in problem else ""
    raise ApplicationError(f"not YAML: {problem}", code="bad-yaml", location=place, hint=hint) from None


class _Builder:
    def __init__(self, source: Source, loader: Any) -> None:
        self.source = source
        self.loader = loader
        self.count = 0

    def build(self, node: yaml.Node, path: KeyPath, parents: tuple[yaml.Node, ...]) -> Any:
        self.count += 1
        mark = node.start_mark
        self.source.marks[path] = (mark.line + 1, mark.column + 1)
        if self.count > MAX_VALUES:
            self.source.fail("too-large", f"the file has more than {MAX_VALUES} values", path)
        if any(node is parent for parent in parents):
            self.source.fail("bad-yaml", "an alias contains itself", path)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*parents, node))
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.build(item, (*path, index), (*parents, node)) for index, item in items]
        if getattr(node, "style", None) in ("'", '"'):
            self.source.quoted.add(path)
        return self._scalar(node, path)

    def _mapping(
        self, node: yaml.MappingNode, path: KeyPath, parents: tuple[yaml.Node, ...]
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._scalar(key_node, path) if isinstance(key_node, yaml.ScalarNode) else None
            mark = key_node.start_mark
            place = (*path, key if isinstance(key, str) else "?")
            if place not in self.source.key_marks:
                self.source.key_marks[place] = (mark.line + 1, mark.column + 1)
            elif isinstance(key, str):
                where = Location(self.source.file, mark.line + 1, mark.column + 1, key_path(place))
                first = self.source.key_marks[place][0]
                message = f"key {key!r} is given twice, first in line {first}"
                raise ApplicationError(message, code="duplicate-key", location=where, hint="keep one of them")
            if not isinstance(key, str):
                hint = "put the key in quotes"
                self.source.fail("bad-key", "a key must be text", place, key=True, hint=hint)
            result[key] = self.build(value_node, place, parents)
        return result

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            self.source.fail("bad-yaml", f"tag {node.tag!r} is not allowed", path)
        return self.loader.construct_object(node)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint for a name that is not known: the closest one, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"one of {', '.join(names)}"
