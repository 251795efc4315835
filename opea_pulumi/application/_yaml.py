"""Safe YAML with the place of every value, so that an error can point at it."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import yaml

from opea_pulumi.errors import ApplicationError, Location

from ._source import KeyPath, Mark, Source, key_path, quoted_key

MAX_BYTES = 1024 * 1024
MAX_VALUES = 50_000
"""A unified YAML has some hundred values; aliases that multiply into more are an attack or a mistake."""

MAX_DEPTH = 32
"""Nesting; the C composer recurses without a limit of its own and would crash the process."""

_YAML = "tag:yaml.org,2002:"
_TEXT = ("str", "timestamp", "value", "merge")

_HINTS = {
    "cannot start any token": "indent with spaces, not tabs; text that starts with @, ` or % needs quotes",
    "mapping values": "put text that holds ': ' in quotes",
}

SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(text: str | bytes, file: str = "") -> Source:
    """Read YAML text.

    Raises:
        ApplicationError: too large, not YAML, more than one document, duplicate or non-text keys,
            tags beyond YAML's own, aliases that contain themselves or multiply.
    """
    source = Source(file, marks={(): Mark(file, 1, 1)})
    try:
        data = text.encode() if isinstance(text, str) else text
        if len(data) > MAX_BYTES:
            source.fail("too-large", f"the file has more than {MAX_BYTES} bytes")
        _check_depth(source, data)
        loader = SAFE_LOADER(data)
        node = loader.get_single_node()
        if node is not None:
            source.data = _Builder(source, loader).build(node, (), ())
    except yaml.MarkedYAMLError as error:
        _not_yaml(source, error)
    except yaml.reader.ReaderError as error:
        _not_text(source, data, error)
    except UnicodeError:
        source.fail("bad-yaml", "not YAML: the text holds half a character (a lone surrogate)")
    return source


def _check_depth(source: Source, data: bytes) -> None:
    try:
        _walk(source, data, SAFE_LOADER)
        return
    except yaml.scanner.ScannerError as error:
        if "nesting depth" not in str(error.problem):
            raise
    # newer libyaml has a limit of its own and looks far ahead; PyYAML's own scanner gets to the place
    _walk(source, data, yaml.SafeLoader)


def _walk(source: Source, data: bytes, loader: Any) -> None:
    depth = 0
    for event in yaml.parse(data, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise _too_deep(source, event.start_mark)


def _too_deep(source: Source, mark: Any, path: KeyPath = ()) -> ApplicationError:
    return ApplicationError(
        f"values are nested more than {MAX_DEPTH} deep",
        code="too-deep",
        location=Location(source.file, *_place(mark), key_path(path)),
    )


def _not_yaml(source: Source, error: yaml.MarkedYAMLError) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    place = Location(source.file, *(_place(mark) if mark else ()))
    problem = " ".join(part for part in (error.context, error.problem) if part)
    hint = next((hint for part, hint in _HINTS.items() if part in problem), "")
    raise ApplicationError(f"not YAML: {problem}", code="bad-yaml", location=place, hint=hint) from None


def _not_text(source: Source, data: bytes, error: yaml.reader.ReaderError) -> NoReturn:
    before = data[: error.position].decode("utf-8", "replace")
    line = before.count("\n")
    place = Location(source.file, line + 1, len(before) - before.rfind("\n"))
    raise ApplicationError(f"not YAML: {error.reason}", code="bad-yaml", location=place) from None


def _place(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


class _Builder:
    def __init__(self, source: Source, loader: Any) -> None:
        self.source = source
        self.loader = loader
        self.count = 0

    def build(self, node: yaml.Node, path: KeyPath, parents: tuple[yaml.Node, ...]) -> Any:
        self.count += 1
        self.source.marks[path] = self._mark(node.start_mark)
        if self.count > MAX_VALUES:
            self._fail(node, path, "too-large", f"the file has more than {MAX_VALUES} values")
        if any(node is parent for parent in parents):
            self._fail(node, path, "bad-yaml", "an alias contains itself")
        if len(path) > MAX_DEPTH:
            raise _too_deep(self.source, node.start_mark, path)
        if isinstance(node, yaml.ScalarNode):
            if node.start_mark.line == node.end_mark.line and node.style not in ("|", ">"):
                start = node.end_mark.column - len(node.value) - bool(node.style)
                self.source.text_marks[path] = Mark(self.source.file, node.start_mark.line + 1, start + 1)
            return self._scalar(node, path)
        self._check_tag(node, path, ("map", "seq"))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*parents, node))
        items = enumerate(node.value)
        return [self.build(item, (*path, index), (*parents, node)) for index, item in items]

    def _mapping(
        self, node: yaml.MappingNode, path: KeyPath, parents: tuple[yaml.Node, ...]
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            place = (*path, key)
            if key in result:
                message = (
                    f"key {quoted_key(key)} is given twice, first in line {self.source.key_marks[place].line}"
                )
                self._fail(key_node, place, "duplicate-key", message, "keep one of them")
            self.source.key_marks[place] = self._mark(key_node.start_mark)
            result[key] = self.build(value_node, place, parents)
        return result

    def _key(self, node: yaml.Node, path: KeyPath) -> str:
        if node.tag == f"{_YAML}merge":
            self._fail(node, path, "bad-key", "merge keys (<<) are not supported", "write the keys out")
        key = self._scalar(node, path) if isinstance(node, yaml.ScalarNode) else None
        if not isinstance(key, str):
            self._fail(node, path, "bad-key", "a key must be text", "put the key in quotes")
        return key

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        self._check_tag(node, path, (*_TEXT, "int", "float", "bool", "null"))
        kind = node.tag.removeprefix(_YAML)
        if kind in _TEXT:
            return node.value
        try:
            value = self.loader.construct_object(node)
        except (ValueError, LookupError):  # its text names the value, which may be a secret
            self._fail(node, path, "bad-yaml", f"this is no {kind}", "put text in quotes")
        if isinstance(value, float) and not math.isfinite(value):
            self._fail(node, path, "bad-yaml", "this is no finite number", "put text in quotes")
        return value

    def _mark(self, mark: Any) -> Mark:
        return Mark(self.source.file, *_place(mark))

    def _check_tag(self, node: yaml.Node, path: KeyPath, allowed: tuple[str, ...]) -> None:
        if node.tag.removeprefix(_YAML) not in allowed or not node.tag.startswith(_YAML):
            # the tag itself is not shown: a password may start with an exclamation mark
            hint = "put text that starts with '!' in quotes"
            self._fail(node, path, "bad-tag", "tags are not allowed here", hint)

    def _fail(self, node: yaml.Node, path: KeyPath, code: str, message: str, hint: str = "") -> NoReturn:
        place = Location(self.source.file, *_place(node.start_mark), key_path(path))
        raise ApplicationError(message, code=code, location=place, hint=hint) from None
