"""API keys: who may ask, and who may change the documents.

A file has one key a line, never the key itself but its SHA-256::

    # name : scopes : sha256 : 64 hexadecimal digits
    web-shop:ask:sha256:9f86d081...
    nightly-ingest:ask,ingest:sha256:60303ae2...

SHA-256 and not bcrypt: a slow hash protects words that people choose, and can be guessed. A key is
random (256 bits from ``openssl rand -hex 32``), so there is nothing to guess, and a slow hash would
only let anybody keep the router busy with wrong keys.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path

from aiohttp import hdrs, web
from multidict import CIMultiDict

from opea_pulumi.errors import FlowError, Location

from ._errors import RouterError
from ._exchange import CURRENT, PROBES, Handler, route_of

_SHORTEST = 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_INGEST = ("/dataprep", "/v1/dataprep/")


class Scope(StrEnum):
    """What a key is good for."""

    ASK = "ask"
    INGEST = "ingest"


@dataclass(frozen=True)
class Key:
    """A key that the router knows: who has it, what for, and its SHA-256 in hexadecimal digits."""

    name: str
    scopes: frozenset[Scope]
    sha256: str


class KeyRefusedError(RouterError):
    """The request has no key, or the wrong one."""

    @property
    def headers(self) -> dict[str, str]:
        """With what HTTP wants beside a 401."""
        return {"WWW-Authenticate": "Bearer"} if self.status == HTTPStatus.UNAUTHORIZED else {}


def hash_key(key: str) -> str:
    """``sha256:HEX`` of a key, as it stands in a file.

    Raises:
        FlowError: the key is too short to be random, or holds what a header can't.
    """
    if len(key) < _SHORTEST or not (key.isascii() and key.isprintable()) or " " in key:
        raise FlowError(
            f"a key has at least {_SHORTEST} printable characters without blanks",
            code="bad-key",
            hint="make one with: openssl rand -hex 32",
        )
    return f"sha256:{_digest(key.encode())}"


def read_keys(file: str) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        FlowError: it can't be read, a line is wrong (its number is given, its text is not), or
            there is no key in it.
    """
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise _error(f"the keys can't be read: {reason}", file, code="unreadable") from None
    keys: list[Key] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            keys.append(_key(text, keys, file, number))
    if not keys:
        raise _error("the file holds no key, so nobody could ask", file)
    return tuple(keys)


class Keys:
    """Middleware: every route needs a key, but for those that tell of the router's own health."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = tuple(keys)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse, or note who asks and take the key out of what the steps will get."""
        route = route_of(request)
        if route in PROBES:
            return await handler(request)
        key = self._find(_bearer(request.headers))
        if key is None:
            raise KeyRefusedError(HTTPStatus.UNAUTHORIZED, "no-key", "the request needs a key: Bearer KEY")
        scope = Scope.INGEST if route.startswith(_INGEST) else Scope.ASK
        if scope not in key.scopes:
            raise KeyRefusedError(HTTPStatus.FORBIDDEN, "wrong-scope", f"this key is not good for {scope}")
        exchange = CURRENT.get()
        exchange.key = key.name
        exchange.incoming = CIMultiDict(request.headers)
        exchange.incoming.popall(hdrs.AUTHORIZATION)
        return await handler(request)

    def _find(self, given: bytes) -> Key | None:
        """Every key is compared, whichever fits, so that the time tells nothing."""
        digest, found = _digest(given), None
        for key in self._keys:
            if hmac.compare_digest(key.sha256, digest):
                found = key
        return found if given else None


def _bearer(headers: Mapping[str, str]) -> bytes:
    scheme, _, key = headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return key.strip().encode("utf-8", "surrogateescape") if scheme.lower() == "bearer" else b""


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def _key(text: str, others: Sequence[Key], file: str, line: int) -> Key:
    parts = [part.strip() for part in text.split(":")]
    if len(parts) == 3:
        parts.insert(1, Scope.ASK.value)
    if len(parts) != 4 or parts[2] != "sha256" or not _HASH.fullmatch(parts[3]):
        raise _error(
            "a line reads NAME:SCOPES:sha256:HEX", file, line, "python -m opea_pulumi.router --hash-key"
        )
    name, scopes, sha256 = parts[0], {scope.strip() for scope in parts[1].split(",")}, parts[3].lower()
    if not _NAME.fullmatch(name):
        raise _error("a key's name has letters, digits and . _ @ - only", file, line)
    if scopes - set(Scope):
        raise _error(f"a scope is one of {', '.join(Scope)}", file, line)
    if any(name == other.name or sha256 == other.sha256 for other in others):
        raise _error("another line has the same name or the same key", file, line)
    return Key(name, frozenset(Scope(scope) for scope in scopes), sha256)


def _error(
    message: str, file: str, line: int | None = None, hint: str = "", code: str = "bad-keys"
) -> FlowError:
    return FlowError(message, code=code, location=Location(file=file, line=line), hint=hint)
