"""A little Hugging Face hub: the part of its API that ``huggingface-cli download`` of huggingface_hub asks.

https://huggingface.co/docs/hub/api : ``/api/models/M/revision/R`` and ``/M/resolve/SHA/FILE``.
It also takes what is sent to a proxy (whole URLs).
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from urllib.parse import urlsplit

from local_server import QuietHandler, running

_INFO = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/[^/]+)?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)")
_HALF = 2


@dataclass
class Hub:
    """``models`` are files by model; gated ones want ``token``.

    ``release`` lets the second half of each file go.
    """

    models: dict[str, dict[str, bytes]]
    gated: frozenset[str] = frozenset()
    token: str = ""
    host: str = ""
    release: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Host and path of every request, as they were asked."""


class _Handler(QuietHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        self.hub.asked.append((url.netloc or self.headers.get("Host", ""), url.path))
        info, file = _INFO.fullmatch(url.path), _FILE.fullmatch(url.path)
        model = (info or file or [""] * 2)[1]
        if model not in self.hub.models:
            self._refuse(401, "RepoNotFound", "Invalid username or password.")
        elif model in self.hub.gated and not self._allowed():
            sent = bool(self.headers.get("Authorization"))
            self._refuse(403 if sent else 401, "GatedRepo", f"Access to model {model} is restricted.")
        elif info:
            self._info(model)
        elif file:
            self._send(self.hub.models[model][file[2]])

    def _allowed(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {self.hub.token}"

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"error": message}).encode()
        headers = {"X-Error-Code": code, "X-Error-Message": message, "Content-Type": "application/json"}
        self.answer(status, body, headers)

    def _info(self, model: str) -> None:
        files = [{"rfilename": name} for name in sorted(self.hub.models[model])]
        found = {"id": model, "modelId": model, "sha": _sha(model), "siblings": files, "tags": []}
        self.answer(200, json.dumps(found).encode(), {"Content-Type": "application/json"})

    def _send(self, content: bytes) -> None:
        model = "/".join(urlsplit(self.path).path.split("/")[1:3])
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", _sha(model))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            half = len(content) // _HALF
            self.wfile.write(content[:half])
            self.wfile.flush()
            assert self.hub.release.wait(60)
            self.wfile.write(content[half:])


def _sha(model: str) -> str:
    return hashlib.sha1(model.encode(), usedforsecurity=False).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has what it wants breaks connections off."""


@contextmanager
def serving(hub: Hub, address: str) -> Iterator[Hub]:
    """The hub on an address of this machine."""
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server((address, 0), handler)
    with running(server):
        hub.host = f"{address}:{server.server_port}"
        try:
            yield hub
        finally:
            hub.release.set()
