"""JSON as RFC 8259 has it: no NaN, no lone surrogates on the wire.

orjson does the work where it does what the standard library does, many times faster (a vector is thousands
of digits); the standard library decides the rest.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

_LONG = b"0" * 20
_DIGITS = bytes.maketrans(b"123456789", b"000000000")


def loads(text: bytes | str) -> Any:
    """Parse; ValueError for anything that is not JSON, however it fails."""
    if isinstance(text, bytes) and not _needs_more_than_64_bits(text):
        try:
            return orjson.loads(text)
        except ValueError:  # 1e999, a lone surrogate, UTF-16, or really none
            pass
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _needs_more_than_64_bits(text: bytes) -> bool:
    """Whether there may be a whole number of 20 digits or more: orjson makes a float of such a one."""
    digits = text.translate(_DIGITS)
    at = digits.find(_LONG)
    while at >= 0:
        if digits[at - 1 : at] not in (b".", b"0"):  # neither a fraction nor the rest of one
            return True
        at = digits.find(_LONG, at + len(_LONG))
    return False


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
