"""JSON as RFC 8259 has it: no NaN, no lone surrogates on the wire.

orjson does the work where it does what the standard library does, many times faster (a vector is thousands
of digits); the standard library decides the rest.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import orjson

_LONG = b"0" * 20
"""A whole number may need 20 digits when it needs more than 64 bits: orjson makes a float of it."""
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_WHOLE = re.compile(rb"(?:^|[^0-9.])[0-9]{20}")


def loads(text: bytes | str) -> Any:
    """Parse; ValueError for anything that is not JSON, however it fails."""
    if isinstance(text, bytes) and not (_LONG in text.translate(_DIGITS) and _LONG_WHOLE.search(text)):
        try:
            return orjson.loads(text)
        except ValueError:  # 1e999, a lone surrogate, UTF-16, or really none
            pass
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(document: Any) -> bytes:
    """Compact UTF-8; ValueError for what JSON can't hold, such as the infinity that ``1e999`` is read as."""
    try:
        text = orjson.dumps(document)
    except TypeError:  # a number of more than 64 bits, a lone surrogate, deep nesting
        return _dumps(document)
    # orjson writes null for an infinity
    return _dumps(document) if b"null" in text else text


def _dumps(document: Any) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate can only travel as an escape
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
