"""Patches of the language, applied to what a format holds: JSON patch (RFC 6902) or a strategic merge.

A strategic merge follows Kubernetes: mappings merge, ``null`` takes a key out, lists of mappings merge by
what names their items (``mountPath``, ``containerPort`` or ``name``), other lists are replaced; ``$patch:
delete`` takes out the item (or the mapping) that it stands in, ``$patch: replace`` puts in the rest of it as
it is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jsonpatch
from jsonpointer import JsonPointerException

from opea_pulumi.blueprint import Patch
from opea_pulumi.errors import BlueprintError, Location, shown

_DIRECTIVE = "$patch"
_KEYS = ("mountPath", "containerPort", "name")
_DELETED: Any = object()
_FAILURES = (
    jsonpatch.JsonPatchException,
    JsonPointerException,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Part:
    """Something that patches can change; ``workload`` and ``kind`` are what a patch is narrowed down by."""

    data: dict[str, Any]
    workload: str = ""
    kind: str = ""


def apply_patches(parts: Sequence[Part], patches: Sequence[Patch]) -> list[dict[str, Any]]:
    """The data of ``parts`` after ``patches``, in order; what is given stays as it was.

    Raises:
        BlueprintError: ``patch-failed``, at the patch's path: it fits nothing, or fails where it fits.
    """
    current = list(parts)
    for patch in patches:
        chosen = [part for part in current if _fits(patch, part)]
        if not chosen:
            raise _failed(patch, f"the patch fits nothing{_narrowed(patch)}")
        current = [
            changed
            for part in current
            if (changed := _patched(part, patch) if _fits(patch, part) else part) is not None
        ]
    return [part.data for part in current]


def merge(base: Any, change: Any) -> Any:
    """A strategic merge of plain data."""
    merged = _merged(base, change)
    return None if merged is _DELETED else merged


def _fits(patch: Patch, part: Part) -> bool:
    return patch.workload in {"", part.workload} and patch.kind in {"", part.kind}


def _patched(part: Part, patch: Patch) -> Part | None:
    data: Any = copy.deepcopy(part.data)
    for index, operation in enumerate(patch.json_patch):
        try:
            data = jsonpatch.JsonPatch([copy.deepcopy(operation)]).apply(data)
        except _FAILURES as error:  # their texts hold values
            raise _operation_failed(patch, part, index, type(error).__name__) from None
    if not isinstance(data, dict):
        raise _failed(patch, f"the patch leaves no mapping of {_called(part)}")
    data = _merged(data, patch.merge)
    if data is _DELETED:
        return None
    return Part(data, workload=part.workload, kind=part.kind)


def _merged(base: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        if isinstance(change, list):
            return _merged_list(base if isinstance(base, list) else [], change)
        return copy.deepcopy(change)
    directive = change.get(_DIRECTIVE)
    if directive == "delete":
        return _DELETED
    result = dict(base) if isinstance(base, dict) and directive != "replace" else {}
    for key, value in change.items():
        if key == _DIRECTIVE:
            continue
        merged = None if value is None else _merged(result.get(key), value)
        if merged is None or merged is _DELETED:
            result.pop(key, None)
        else:
            result[key] = merged
    return result


def _merged_list(base: list[Any], change: list[Any]) -> list[Any]:
    key = _merge_key([*base, *change])
    if not key:
        kept = [_merged(None, item) for item in change]
        return [item for item in kept if item is not _DELETED]
    result = list(base)
    for item in change:
        at = next((at for at, old in enumerate(result) if old[key] == item[key]), None)
        merged = _merged(None if at is None else result[at], item)
        if at is None:
            result += [] if merged is _DELETED else [merged]
        else:
            result[at : at + 1] = [] if merged is _DELETED else [merged]
    return result


def _merge_key(items: Sequence[Any]) -> str:
    """What names each of the items; empty when nothing does."""
    if not all(isinstance(item, dict) for item in items):
        return ""
    # null takes a key out: it names nothing
    return next((key for key in _KEYS if all(item.get(key) is not None for item in items)), "")


def _operation_failed(patch: Patch, part: Part, index: int, error: str) -> BlueprintError:
    message = f"operation {index + 1} of the JSON patch fails on {_called(part)} ({error})"
    return _failed(patch, message, "op, path and value must fit what is there; convert shows it")


def _failed(patch: Patch, message: str, hint: str = "") -> BlueprintError:
    hint = hint or "check target, workload and kind"
    return BlueprintError(message, code="patch-failed", location=Location(path=patch.path), hint=hint)


def _called(part: Part) -> str:
    return " ".join(word for word in (part.kind, part.workload) if word) or "the whole"


def _narrowed(patch: Patch) -> str:
    words = {"workload": patch.workload, "kind": patch.kind}
    named = [f"{word} {shown(text)}" for word, text in words.items() if text]
    return f": nothing of {' and '.join(named)} is made for {patch.target}" if named else ""
