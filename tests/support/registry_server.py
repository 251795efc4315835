"""A little image registry over HTTP on loopback: manifests, authentication, and what breaks."""

import hashlib
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from local_server import QuietHandler, running

MANIFEST = b'{"schemaVersion": 2}'
INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(manifest: bytes = MANIFEST) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


@dataclass
class Registry:
    """``images`` are manifests by ``repository:tag``; every other image is missing, unless ``every`` is set.

    ``auth`` is ``token`` or ``basic``; with ``account`` only that user gets in. ``quirks`` answers a
    repository's manifests instead: it gets the handler.
    """

    images: dict[str, bytes] = field(default_factory=dict)
    every: bool = False
    auth: str = ""
    account: str = ""
    names_digests: bool = True
    knows_head: bool = True
    quirks: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    token_answer: bytes = json.dumps({"token": "t0ken"}).encode()
    realm: str = ""
    host: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    registry: Registry

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        registry, url = self.registry, urlsplit(self.path)
        self.close_connection = True
        with registry.lock:
            registry.asked.append((self.command, url.path))
            registry.busy += 1
            registry.busiest = max(registry.busiest, registry.busy)
        try:
            if url.path == "/token":
                self._token(parse_qs(url.query))
            else:
                self._manifest(url.path)
        finally:
            with registry.lock:
                registry.busy -= 1

    def _token(self, query: dict[str, list[str]]) -> None:
        given = self.headers.get("Authorization", "")
        self.registry.authorizations.append(given)
        self.registry.scopes += query["scope"]
        refused = self.registry.account and given != self.registry.account
        self.answer(403 if refused else 200, self.registry.token_answer)

    def _manifest(self, path: str) -> None:
        registry = self.registry
        repository, _, reference = path.removeprefix("/v2/").partition("/manifests/")
        if repository in registry.quirks:
            registry.quirks[repository](self)
        elif not self._allowed():
            realm = registry.realm or f"http://{registry.host}/token"
            scope = f"repository:{repository}:pull"
            bearer = f'Bearer realm="{realm}",service="little",scope="{scope}"'
            challenge = bearer if registry.auth == "token" else 'Basic realm="little"'
            self.answer(401, b"", {"WWW-Authenticate": challenge})
        elif self.command == "HEAD" and not registry.knows_head:
            self.answer(405)
        else:
            manifest = registry.images.get(f"{repository}:{reference}", MANIFEST if registry.every else None)
            assert INDEX in self.headers["Accept"]
            named = (
                {"Docker-Content-Digest": digest_of(manifest)} if manifest and registry.names_digests else {}
            )
            self.answer(404 if manifest is None else 200, manifest or b"", named)

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if self.registry.auth == "token":
            return given == "Bearer t0ken"
        return not self.registry.auth or given == self.registry.account


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    with running(server) as host:
        registry.host = host
        try:
            yield registry
        finally:
            registry.stopped.set()


def hangs(handler: Any) -> None:
    """Says nothing until the test is over."""
    handler.registry.stopped.wait(30)


def garbage(handler: Any) -> None:
    handler.wfile.write(b"\x00\x01 no HTTP at all\r\n\r\n")


def status(code: int, headers: dict[str, str] | None = None) -> Callable[[Any], None]:
    return lambda handler: handler.answer(code, b"", headers)
