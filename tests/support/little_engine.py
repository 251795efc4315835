"""Answers as a Docker engine does, as far as a connection needs it: on a socket, a port, or behind ssh.

``on_socket`` takes more answers: for a path without the version, such as ``/info``, a JSON value.
"""

import json
import re
import socketserver
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}
_SSH = """\
#!{python}
# stands in for ssh: notes its arguments, then joins its standard input and output to a socket
import os, socket, sys, threading
open({log!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
there = socket.socket(socket.AF_UNIX)
there.connect({socket!r})
def copy():
    while data := os.read(0, 65536):
        there.sendall(data)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=copy, daemon=True).start()
while data := there.recv(65536):
    os.write(1, data)
"""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: Mapping[str, Any] = {}

    def do_GET(self) -> None:
        path = re.sub(r"^/v[0-9.]+", "", self.path.partition("?")[0])
        known = {"/version": VERSION, **self.answers}
        found = known.get(path, {"Path": self.path})
        self.send_response(200)
        body = json.dumps(found).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


class _SocketServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _PortServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that trusts no certificate breaks off; that is the test's to see."""


@contextmanager
def on_socket(path: Path, answers: Mapping[str, Any] | None = None) -> Iterator[str]:
    """An engine on a Unix socket; its address."""
    handler = type("Handler", (_Handler,), {"answers": answers or {}})
    with _serving(_SocketServer(str(path), handler)):
        yield f"unix://{path}"


@contextmanager
def on_port(certificates: Path | None = None) -> Iterator[str]:
    """An engine on a port of 127.0.0.1; with certificates it speaks TLS, and wants one of the client's."""
    server = _PortServer(("127.0.0.1", 0), _Handler)
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with _serving(server):
        yield f"tcp://127.0.0.1:{server.server_port}"


def write_ssh(folder: Path, socket: Path) -> Path:
    """A program `ssh` in a folder that reaches an engine's socket; the file where it notes its arguments."""
    log = folder / "ssh.log"
    program = folder / "ssh"
    program.write_text(_SSH.format(python=sys.executable, log=str(log), socket=str(socket)))
    program.chmod(0o755)
    return log


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
