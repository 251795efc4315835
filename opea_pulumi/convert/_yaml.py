"""YAML as people write it: keys in the order given, blocks, no aliases; the same bytes for equal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class' signature
        return True


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump_yaml(document: Mapping[str, Any]) -> str:
    """One YAML document; what is not plain data raises ``yaml.YAMLError``."""
    return str(yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def dump_documents(documents: Iterable[Mapping[str, Any]]) -> str:
    """Several YAML documents in one text."""
    return "---\n".join(dump_yaml(document) for document in documents)
