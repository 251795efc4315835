"""JSON as RFC 8259 has it: no NaN, no lone surrogates on the wire."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def loads(text: bytes | str) -> Any:
    """Parse; ValueError for anything that is not JSON, however it fails."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(document: Any) -> bytes:
    """Compact UTF-8; ValueError for what JSON can't hold, such as the infinity that ``1e999`` is read as."""
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate can only travel as an escape
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
