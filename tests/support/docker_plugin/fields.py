"""What Terraform's SDK and Pulumi's bridge do with a schema: defaults, names, comparison, replacement."""

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pulumi.runtime.rpc import UNKNOWN

Values = dict[str, Any]
DEFAULTS = "__defaults"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Field:
    """One property. ``kind`` is str, bool, int, duration, list, set, map, object or blocks."""

    kind: str
    flags: frozenset[str] = frozenset()
    default: Any = None
    fields: "dict[str, Field]" = field(default_factory=dict)

    @property
    def force(self) -> bool:
        return "force" in self.flags

    @property
    def computed(self) -> bool:
        return "computed" in self.flags

    @property
    def output(self) -> bool:
        return "out" in self.flags


@dataclass(frozen=True)
class Type:
    """A resource type."""

    properties: dict[str, Field]
    autoname: bool = False
    delete_before_replace: bool = False


@dataclass(frozen=True)
class Change:
    """A changed property: it was there, it will be there, it replaces."""

    had: bool
    has: bool
    replaces: bool


@functools.cache
def types() -> dict[str, Type]:
    """All types by token."""
    facts = yaml.safe_load((Path(__file__).parent / "schema.yaml").read_text())
    return {
        token: Type(**{**fact, "properties": _fields(fact["properties"])}) for token, fact in facts.items()
    }


def _fields(facts: dict[str, Any]) -> dict[str, Field]:
    return {name: _field(fact) for name, fact in facts.items()}


def _field(fact: Any) -> Field:
    text, inner = (fact, {}) if isinstance(fact, str) else (fact["is"], fact["fields"])
    kind, *flags = text.split()
    default = next((flag[1:] for flag in flags if flag.startswith("=")), None)
    if default is not None and kind in ("bool", "int"):
        default = json.loads(default)
    return Field(kind, frozenset(flag for flag in flags if flag[0] != "="), default, _fields(inner))


def is_unknown(value: Any) -> bool:
    """Whether any part is not known yet."""
    if isinstance(value, dict):
        return any(map(is_unknown, value.values()))
    if isinstance(value, list):
        return any(map(is_unknown, value))
    return bool(value == UNKNOWN)


def with_defaults(of: Type, inputs: Values) -> Values:
    """The inputs with the defaults of top-level properties, as the bridge's check records them."""
    given = {name: fact.default for name, fact in of.properties.items() if fact.default is not None}
    missing = {name: value for name, value in given.items() if inputs.get(name) is None}
    marked = sorted({*inputs.get(DEFAULTS, []), *missing})
    return {**inputs, **missing, DEFAULTS: marked}


def canonical(fact: Field, value: Any) -> Any:
    """A value such that equal ones compare equal; what Terraform takes as not given is None."""
    if is_unknown(value):
        return UNKNOWN
    if fact.kind in ("object", "blocks"):
        return _canonical_blocks(fact, value)
    if value is None or (value == "" and fact.kind == "str"):
        value = fact.default
    if value in (None, "", 0, False, [], {}):
        return None
    if fact.kind == "set":
        return sorted({str(part) for part in value})
    if fact.kind == "duration":
        return seconds(value) or None
    if fact.kind == "map":
        return {key: str(part) for key, part in value.items()}
    return int(value) if fact.kind == "int" else value


def _canonical_blocks(fact: Field, value: Any) -> Any:
    entries = value if fact.kind == "blocks" else [value]
    entries = [_canonical_entry(fact, entry) for entry in entries or [] if entry]
    return sorted(entries, key=lambda entry: json.dumps(entry, sort_keys=True)) or None


def _canonical_entry(fact: Field, entry: Values) -> Values:
    parts = {name: canonical(inner, entry.get(name)) for name, inner in fact.fields.items()}
    return _given(parts)


def changes(of: Type, state: Values, inputs: Values) -> dict[str, Change]:
    """What differs between a state and new inputs, by property."""
    found = {}
    for name, fact in of.properties.items():
        old, new = state.get(name), inputs.get(name)
        if fact.output or (fact.computed and new is None) or ("kept-if-empty" in fact.flags and not new):
            continue
        if change := _change(fact, old, new):
            found[name] = change
    return found


def _change(fact: Field, old: Any, new: Any) -> Change | None:
    before, after = canonical(fact, old), canonical(fact, _kept(fact, old, new))
    if before == after and not is_unknown(new):
        return None
    return Change(before is not None, after is not None, _replaces(fact, before, after))


def _kept(fact: Field, old: Any, new: Any) -> Any:
    """New entries with what is computed and not given taken from the old ones (`ports.external`)."""
    computed = [name for name, inner in fact.fields.items() if inner.computed]
    if fact.kind != "blocks" or not computed or is_unknown(new):
        return new
    key = next(iter(fact.fields))
    kept = {entry.get(key): entry for entry in old or []}
    fill = dict.fromkeys(computed)
    return [
        {**{name: kept.get(entry.get(key), fill).get(name) for name in computed}, **_given(entry)}
        for entry in new or []
    ]


def _given(entry: Values) -> Values:
    return {name: part for name, part in entry.items() if part is not None}


def _replaces(fact: Field, before: Any, after: Any) -> bool:
    if fact.kind not in ("object", "blocks"):
        return fact.force
    if UNKNOWN in (before, after) or len(before or []) != len(after or []):
        return fact.force
    changed = [entry for entry in before + after if entry not in before or entry not in after]
    if fact.kind == "object":  # its entry has a place, so only fields that differ count
        names = {name for name in fact.fields if before[0].get(name) != after[0].get(name)}
    else:
        names = {name for entry in changed for name in entry}
    return any(fact.fields[name].force for name in names)


def seconds(text: str) -> float:
    """Go's duration text, such as ``1m30s``, in seconds. Raises ValueError."""
    parts = re.findall(r"([0-9.]+)(h|ms|m|s|us|µs|ns)", text)
    if "".join(map("".join, parts)) != text.lstrip("+") and text != "0":
        raise ValueError(f"'{text}' is not a valid duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def go_duration(nanoseconds: int) -> str:
    """Nanoseconds as Go prints a duration: ``1m30s``, ``500ms``, ``0s``."""
    if nanoseconds < 1_000_000_000:
        return f"{nanoseconds / 1e6:g}ms" if nanoseconds else "0s"
    minutes, rest = divmod(nanoseconds / 1e9, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
