"""Where the engine is: DOCKER_HOST, else the context, else the default socket.

The order is the docker command's (https://docs.docker.com/engine/manage-resources/contexts/, read
2026-11-25); docker-py's ``from_env`` knows no contexts.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opea_pulumi.errors import Location, OperationError, shown

_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe")
_CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True)
class Address:
    """An engine's address: a URL such as ``unix:///var/run/docker.sock``, and what named it.

    ``certificates`` is a folder with ca.pem, cert.pem and key.pem when TLS is spoken; ``verify``: whether
    the engine's own certificate is checked.
    """

    url: str
    origin: str
    certificates: Path | None = None
    tls: bool = False
    verify: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the engine is on this machine, so that its ports and devices are this machine's."""
        return self.url.startswith(("unix:", "npipe:"))

    @property
    def shown(self) -> str:
        """The URL without a password, for messages."""
        parts = urlsplit(self.url)
        if parts.password is None:
            return self.url
        return parts._replace(netloc=f"{parts.username}@{parts.netloc.rpartition('@')[2]}").geturl()

    def environment(self) -> dict[str, str]:
        """What makes any other Docker client ask the same engine: Go's SDK knows no contexts."""
        variables = {"DOCKER_HOST": self.url}
        if self.tls and self.certificates:
            variables["DOCKER_CERT_PATH"] = str(self.certificates)
            variables["DOCKER_TLS_VERIFY"] = "1" if self.verify else ""
        return variables


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of Docker's own configuration: ``DOCKER_CONFIG``, else ``~/.docker``."""
    given = environ.get("DOCKER_CONFIG")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".docker"


def engine_address(environ: Mapping[str, str] = os.environ) -> Address:
    """The engine that is meant.

    Raises:
        OperationError: the address, the context or Docker's configuration is wrong.
    """
    folder = config_folder(environ)
    host = environ.get("DOCKER_HOST")
    if host:
        return _with_variables(_checked(Address(host, "DOCKER_HOST")), environ, folder)
    name, place = environ.get("DOCKER_CONTEXT") or "", "DOCKER_CONTEXT"
    if not name:
        file = folder / "config.json"
        name, place = str(_read(file).get("currentContext") or ""), str(file)
    if name and name != "default":
        return _checked(_of_context(name, place, folder))
    return Address(_default(), "the default")


def plugin_environment(environ: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """What the provider must be told, which reads DOCKER_HOST and no context; empty when there is nothing.

    A context that is wrong is told by who asks the engine next.
    """
    if environ.get("DOCKER_HOST"):
        return {}
    try:
        address = engine_address(environ)
    except OperationError:
        return {}
    return {} if address.url == _default() else address.environment()


def _default() -> str:
    return "npipe:////./pipe/docker_engine" if sys.platform == "win32" else "unix:///var/run/docker.sock"


def _checked(address: Address) -> Address:
    """With a scheme of those that Docker knows; ``HOST:PORT`` alone is tcp, a path alone a socket."""
    url = address.url
    if "://" not in url:
        url = f"unix://{url}" if url.startswith("/") else f"tcp://{url}"
    parts = urlsplit(url)
    try:
        good = parts.scheme in _SCHEMES and bool(parts.netloc or parts.path) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        message = f"{address.origin} holds no address of a Docker engine"
        hint = "such as unix:///var/run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST"
        raise OperationError(message, code="bad-docker-host", hint=hint)
    return Address(url, address.origin, address.certificates, address.tls, address.verify)


def _with_variables(address: Address, environ: Mapping[str, str], folder: Path) -> Address:
    """TLS as ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` ask for it; sockets and ssh need none."""
    certificates, verify = environ.get("DOCKER_CERT_PATH"), bool(environ.get("DOCKER_TLS_VERIFY"))
    if not address.url.startswith(("tcp://", "https://")) or not (certificates or verify):
        return address
    return Address(address.url, address.origin, Path(certificates or folder), tls=True, verify=verify)


def _of_context(name: str, place: str, folder: Path) -> Address:
    identity = hashlib.sha256(name.encode()).hexdigest()
    file = folder / "contexts" / "meta" / identity / "meta.json"
    if not file.is_file():
        message = f"there is no Docker context {shown(name)}"
        hint = "docker context ls shows those there are"
        raise OperationError(message, code="no-docker-context", location=Location(place), hint=hint)
    endpoints = _read(file).get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    if not isinstance(endpoint, dict) or not isinstance(endpoint.get("Host"), str):
        raise _wrong(file)
    url, skip = endpoint["Host"] or _default(), bool(endpoint.get("SkipTLSVerify"))
    certificates = folder / "contexts" / "tls" / identity / "docker"
    there = any((certificates / file).is_file() for file in _CERTIFICATES)
    tls = url.startswith(("tcp://", "https://")) and (there or url.startswith("https://"))
    kept = certificates if tls and there else None
    return Address(url, f"context {name}", kept, tls=tls, verify=not skip)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise _wrong(file) from None
    if not isinstance(data, dict):
        raise _wrong(file)
    return data


def _wrong(file: Path) -> OperationError:
    hint = "repair it, or set DOCKER_HOST"
    return OperationError(
        "not Docker's configuration", code="bad-docker-config", location=Location(str(file)), hint=hint
    )
