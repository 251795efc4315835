"""The syntax of a step's condition: a path into JSON, maybe ``==value`` (GMConnector's)."""

from __future__ import annotations

import re

from ._source import KeyPath, Source

_QUERY = re.compile(r"#\([^()]*\)")
_HINT = "a path into the request, such as model-id==large, or parameters.stream for whether it is there"


def check_condition(source: Source, path: KeyPath, condition: str) -> None:
    """See that a condition is one that OPEA's operator and router read as it is meant.

    The operator puts it in single quotes into YAML that it splits at ``---``, and the router
    compares quotes literally; only a query (``list.#(name=="x")``) has quotes of its own.

    Raises:
        ApplicationError: it is not.
    """
    problem = _problem(condition)
    if problem:
        source.fail("bad-condition", f"condition {problem}", path, hint=_HINT)


def _problem(condition: str) -> str:
    if any(not character.isprintable() for character in condition):
        return "has line breaks or characters that do not print"
    for mark in ("'", "`", "\\", "---"):
        if mark in condition:
            return f"must not contain {mark}"
    name, equals, value = _QUERY.sub("#", condition).partition("==")
    if not name.strip():
        return "names nothing to look at"
    if '"' in name or '"' in value:
        return "has quotes, which would be compared, too"
    if equals and not value.strip():
        return "compares with nothing"
    return ""
