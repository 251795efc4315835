"""An engine behind ssh: ``docker system dial-stdio`` on the other host, as the docker command does it.

docker-py's own way imports paramiko even when it only runs ``ssh``.
"""

from __future__ import annotations

import shlex
import socket
import subprocess
import tempfile
from http.client import HTTPException
from typing import IO, Any
from urllib.parse import urlsplit

import docker
from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool

_BASE = "http+docker://localhost"  # docker-py's name for what its adapter carries
_SAID = 300
"""Characters of what ssh says that an error shows."""


def ssh_client(url: str, timeout: float) -> docker.DockerClient:
    """A client that reaches the engine through the system's own ssh, with its keys and configuration.

    Raises:
        OSError: there is no ssh, or it cannot get there (its own words).
        docker.errors.DockerException: what answers is no engine.
    """
    # a version of its own keeps this client from asking the local socket, which it never uses
    client = docker.DockerClient(base_url="unix:///ssh", version="1.24", timeout=timeout)
    client.api = _SshApi(ssh_command(url), timeout)
    return client


def ssh_command(url: str) -> list[str]:
    """The command whose standard input and output are a connection to the engine."""
    parts = urlsplit(url)
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    socket_path = ["--host", shlex.quote(f"unix://{parts.path}")] if parts.path.strip("/") else []
    options = ["-T", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes"]
    remote = ["docker", *socket_path, "system", "dial-stdio"]
    return ["ssh", *options, *user, *port, "--", parts.hostname or "", *remote]


class _SshApi(docker.APIClient):  # type: ignore[misc]  # the package has no types
    """Mounts the connections through ssh before the constructor asks for the engine's version."""

    def __init__(self, command: list[str], timeout: float) -> None:
        self._command = command
        super().__init__(base_url="unix:///ssh", timeout=timeout)

    def _retrieve_server_version(self) -> Any:
        self.mount(_BASE.partition("localhost")[0], _Adapter(self._command, self.timeout))
        return super()._retrieve_server_version()


class _Adapter(UnixHTTPAdapter):  # type: ignore[misc]
    def __init__(self, command: list[str], timeout: float) -> None:
        self._command = command
        super().__init__("http+unix:///ssh", timeout)

    def get_connection(self, url: str, proxies: Any = None) -> Any:
        del url, proxies  # there is one engine, and ssh has proxies of its own
        with self.pools.lock:
            pool = self.pools.get(_BASE)
            if pool is None:
                pool = self.pools[_BASE] = _Pool(_BASE, self._command, self.timeout)
        return pool


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    def __init__(self, base_url: str, command: list[str], timeout: float) -> None:
        super().__init__(base_url, "", timeout)
        self._command = command

    def _new_conn(self) -> _Connection:
        return _Connection(self._command, self.timeout)


class _Connection(UnixHTTPConnection):  # type: ignore[misc]
    """One ssh process, whose other end is an ordinary socket here: streams and attached consoles work."""

    def __init__(self, command: list[str], timeout: float) -> None:
        super().__init__(_BASE, "", timeout)
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._last = ""

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.sock = ours
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the connection
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._errors.fileno(),
                    start_new_session=True,
                )
            except FileNotFoundError:
                self.close()
                raise OSError("there is no program ssh") from None
        ours.settimeout(self.timeout)

    def getresponse(self) -> Any:
        try:
            return super().getresponse()
        except (OSError, HTTPException) as error:
            said = self._said()
            if not said:
                raise
            raise OSError(said) from error

    def close(self) -> None:
        super().close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
        if self._errors is not None:
            self._last = self._read()
            self._errors.close()
            self._errors = None

    def _said(self) -> str:
        """What ssh wrote before it ended; empty while it runs."""
        if self._process is None or self._errors is None:
            return self._last  # http.client closes a connection that ends early before it says so
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            return ""
        return self._read()

    def _read(self) -> str:
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return " ".join(self._errors.read().decode(errors="replace").split())[-_SAID:]
