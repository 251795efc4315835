"""The graph as anyone may see it."""

from __future__ import annotations

import re
from typing import Any

from opea_pulumi.flow import Flow, dump_flow

from ._json import loads

_SECRET_NAME = re.compile(r"token|key|secret|passw|credential|auth", re.IGNORECASE)
_USER_INFO = re.compile(r"(?<=://)[^/@\s]*@")
_HIDDEN = "***"


def describe(flow: Flow) -> Any:
    """The graph's JSON without user names, passwords, query strings and settings named like a secret."""
    return _clean(loads(dump_flow(flow)))


def _clean(part: Any, name: str = "") -> Any:
    if isinstance(part, dict):
        return {key: _clean(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [_clean(value) for value in part]
    if not isinstance(part, str):
        return part
    # key.<step> holds the name of a variable, checked at load
    if _SECRET_NAME.search(name) and not name.startswith("key."):
        return _HIDDEN
    text = _USER_INFO.sub(f"{_HIDDEN}@", part)
    return text.partition("?")[0] if "://" in text else text
