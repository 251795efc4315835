"""A little image registry that takes what an engine pushes and gives it back: HTTP API v2, on loopback.

https://distribution.github.io/distribution/spec/api/ ; an engine speaks plain HTTP to 127.0.0.0/8.
"""

import hashlib
import json
import re
import shutil
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_server import QuietHandler, running

_BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
_UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([0-9a-f-]*)")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
_CHUNK = 1 << 20


@dataclass
class PushRegistry:
    """``manifests`` by ``repository:tag`` and ``repository@digest``: media type and body. Blobs are in files.

    With ``user`` (``name:password``) only who sends it by basic authentication gets in.
    """

    folder: Path
    user: str = ""
    host: str = ""
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    refused: int = 0
    """Requests without the right credentials."""
    pulled: list[str] = field(default_factory=list)
    """The repositories whose manifests were read."""

    def digest(self, name: str) -> str:
        """The digest of ``repository:tag``."""
        return f"sha256:{hashlib.sha256(self.manifests[name][1]).hexdigest()}"


class _Handler(QuietHandler):
    registry: PushRegistry
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method's
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        wanted = f"Basic {b64encode(self.registry.user.encode()).decode()}"
        if self.registry.user and self.headers.get("Authorization") != wanted:
            self.registry.refused += 1
            self._drain()
            self._answer(401, b"{}", {"WWW-Authenticate": 'Basic realm="little"'})
        elif path == "/v2/":
            self._answer(200, b"{}")
        elif match := _UPLOAD.fullmatch(path):
            self._upload(match[1], match[2], query)
        elif match := _BLOB.fullmatch(path):
            self._blob(match[2])
        elif match := _MANIFEST.fullmatch(path):
            self._manifest(match[1], match[2])
        else:
            self._answer(404)

    def _upload(self, repository: str, identity: str, query: str) -> None:
        name = identity or str(uuid.uuid4())
        draft = self.registry.folder / name
        with draft.open("ab") as file:
            for chunk in self._body():
                file.write(chunk)
        place = {"Location": f"/v2/{repository}/blobs/uploads/{name}", "Docker-Upload-UUID": name}
        if self.command != "PUT":
            self._answer(202, b"", {**place, "Range": f"0-{max(draft.stat().st_size - 1, 0)}"})
            return
        digest = query.partition("digest=")[2].replace("%3A", ":")
        with draft.open("rb") as file:
            found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if found != digest:
            self._answer(400)
            return
        draft.rename(self.registry.folder / digest)
        self._answer(
            201, b"", {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
        )

    def _blob(self, digest: str) -> None:
        file = self.registry.folder / digest
        if not file.exists():
            self._answer(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(file.stat().st_size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            with file.open("rb") as source:
                shutil.copyfileobj(source, self.wfile)

    def _manifest(self, repository: str, reference: str) -> None:
        separator = "@" if reference.startswith("sha256:") else ":"
        manifests = self.registry.manifests
        if self.command == "PUT":
            body = b"".join(self._body())
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            for key in (f"{repository}{separator}{reference}", f"{repository}@{digest}"):
                manifests[key] = self.headers["Content-Type"], body
            self._answer(201, b"", {"Docker-Content-Digest": digest})
            return
        kind, body = manifests.get(f"{repository}{separator}{reference}", ("", b""))
        if not body:
            error = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
            self._answer(404, json.dumps(error).encode(), {"Content-Type": "application/json"})
            return
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.registry.pulled.append(repository)
        self._answer(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            chunk = self.rfile.read(min(left, _CHUNK))
            left -= len(chunk)
            yield chunk

    def _drain(self) -> None:
        for _ in self._body():
            pass

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.answer(status, body, {"Docker-Distribution-Api-Version": "registry/2.0", **(headers or {})})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """An engine that has what it wants breaks connections off."""


@contextmanager
def serving(registry: PushRegistry) -> Iterator[PushRegistry]:
    registry.folder.mkdir(parents=True, exist_ok=True)
    handler = type("Handler", (_Handler,), {"registry": registry})
    with running(_Server(("127.0.0.1", 0), handler)) as registry.host:
        yield registry
