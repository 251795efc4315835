"""YAML as people write it: keys in the order given, blocks, no aliases; the same bytes for equal data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from io import StringIO
from typing import Any

import yaml

_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_TEXT = "tag:yaml.org,2002:str"
_SCALARS = (str, int, bool, type(None))
_WORDS = _DUMPER(StringIO())
"""Says how scalars look; it writes nothing."""

_OPEN_MAP = yaml.MappingStartEvent(None, None, implicit=True, flow_style=False)
_CLOSE_MAP = yaml.MappingEndEvent()
_OPEN_LIST = yaml.SequenceStartEvent(None, None, implicit=True, flow_style=False)
_CLOSE_LIST = yaml.SequenceEndEvent()
_OPENING: tuple[yaml.Event, ...] = (yaml.StreamStartEvent(), yaml.DocumentStartEvent(explicit=False))
_CLOSING: tuple[yaml.Event, ...] = (yaml.DocumentEndEvent(explicit=False), yaml.StreamEndEvent())


def dump_yaml(document: Mapping[str, Any]) -> str:
    """One YAML document; what is not plain data raises ``yaml.YAMLError``."""
    stream = StringIO()
    emit = _DUMPER(stream, allow_unicode=True, width=110).emit
    for event in _OPENING:
        emit(event)
    _write(emit, document)
    for event in _CLOSING:
        emit(event)
    return stream.getvalue()


def dump_documents(documents: Iterable[Mapping[str, Any]]) -> str:
    """Several YAML documents in one text."""
    return "---\n".join(dump_yaml(document) for document in documents)


def _write(emit: Callable[[yaml.Event], None], value: Any) -> None:
    """Straight to the emitter: `yaml.dump` makes a node of every value first, which takes twice as long."""
    kind = type(value)
    if kind in _SCALARS:
        emit(_cached(kind.__name__, value))
    elif kind is dict:
        emit(_OPEN_MAP)
        for key, item in value.items():
            _write(emit, key)
            _write(emit, item)
        emit(_CLOSE_MAP)
    elif kind in (list, tuple):
        emit(_OPEN_LIST)
        for item in value:
            _write(emit, item)
        emit(_CLOSE_LIST)
    elif kind is float:  # -0.0 equals 0.0
        emit(_scalar(value))
    else:
        raise yaml.representer.RepresenterError("this is no plain data", kind)


def _scalar(value: Any) -> yaml.ScalarEvent:
    node = _WORDS.represent_data(value)
    plain = _WORDS.resolve(yaml.ScalarNode, node.value, (True, False)) == node.tag
    style = "|" if node.tag == _TEXT and "\n" in node.value else node.style
    return yaml.ScalarEvent(None, node.tag, (plain, node.tag == _TEXT), node.value, style=style)


@lru_cache(maxsize=4096)  # a manifest says most of its words many times
def _cached(kind: str, value: Any) -> yaml.ScalarEvent:  # noqa: ARG001 - it keeps 1 and True apart
    return _scalar(value)
