"""HTTP to services that only their own network reaches: asked from within one of its containers."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any

import httpx

from opea_pulumi.docker_engine import connect

_PROGRAM = """
import http.client, json, sys
ask = json.loads(sys.stdin.buffer.readline())
body = sys.stdin.buffer.read(ask["length"])
try:
    link = http.client.HTTPConnection(ask["host"], ask["port"], timeout=ask["timeout"])
    link.request(ask["method"], ask["path"], body, ask["headers"])
    answer = link.getresponse()
    data = answer.read()
    head = {"status": answer.status, "headers": answer.getheaders()}
except (OSError, http.client.HTTPException) as error:
    head, data = {"error": str(error) or type(error).__name__}, b""
sys.stdout.buffer.write(json.dumps(head).encode() + b"\\n" + data)
"""
_SKIPPED = {"transfer-encoding", "connection", "host", "content-length"}


class ContainerTransport(httpx.BaseTransport):
    """Sends requests to ``hosts`` by way of a container that has Python; other hosts are asked from here.

    ``own`` are the host's ports on loopback, where the engine is on another host, and what they are within
    the container.
    """

    def __init__(
        self,
        container: str,
        hosts: Collection[str],
        verify: ssl.SSLContext | bool = True,
        own: Mapping[int, int] | None = None,
    ) -> None:
        self._container = container
        self._hosts = frozenset(hosts)
        self._own = own or {}
        self._direct = httpx.HTTPTransport(trust_env=False, verify=verify)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request; an answer by way of the container comes as a whole."""
        if request.url.host not in self._hosts and not self._is_own(request.url):
            return self._direct.handle_request(request)
        head, _, body = self._exchange(request).partition(b"\n")
        try:
            answer = json.loads(head)
        except ValueError:
            raise httpx.ConnectError("its container cannot be asked", request=request) from None
        if "error" in answer:
            raise httpx.ConnectError(answer["error"], request=request)
        headers = [(name, value) for name, value in answer["headers"] if name.lower() not in _SKIPPED]
        return httpx.Response(answer["status"], headers=headers, content=body, request=request)

    def close(self) -> None:
        """Close the connections from here."""
        self._direct.close()

    def _is_own(self, url: httpx.URL) -> bool:
        return url.scheme == "http" and url.host == "127.0.0.1" and url.port in self._own

    def _exchange(self, request: httpx.Request) -> bytes:
        body = request.read()
        url, timeout = request.url, request.extensions.get("timeout", {}).get("read")
        ask = {
            "method": request.method,
            "host": url.host,
            "port": self._own[url.port] if self._is_own(url) and url.port else url.port or 80,
            "path": url.raw_path.decode(),
            "headers": {name: value for name, value in request.headers.items() if name not in _SKIPPED},
            "length": len(body),
            "timeout": timeout,
        }
        with closing(connect()) as client:
            api = client.api
            command = ["python3", "-c", _PROGRAM]
            run = api.exec_create(self._container, command, stdin=True, stderr=False)
            link = api.exec_start(run["Id"], socket=True)
            raw = getattr(link, "_sock", link)
            raw.settimeout(timeout)
            raw.sendall(json.dumps(ask).encode() + b"\n" + body)
            if isinstance(raw, socket.socket):  # TLS cannot close one side alone
                raw.shutdown(socket.SHUT_WR)
            return b"".join(_stdout(link))


def _stdout(link: Any) -> Iterator[bytes]:
    from docker.utils.socket import STDOUT, frames_iter

    yield from (data for stream, data in frames_iter(link, tty=False) if stream == STDOUT)
