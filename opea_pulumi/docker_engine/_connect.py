"""Asking the engine: one client for everything, and its refusals as errors of this project."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from opea_pulumi.errors import OpeaError, OperationError, UsageError

from ._address import Address, engine_address

if TYPE_CHECKING:
    import docker

_FIRST = 15
"""Seconds in which an engine that runs says its version, over ssh, too."""
_ANY = "1.24"
"""An API version that keeps docker-py from asking the engine for its own at once."""


def connect(
    address: Address | None = None, *, silence: float | None = 60, environ: Mapping[str, str] = os.environ
) -> docker.DockerClient:
    """A client of the engine that is meant; it has answered once. Close it.

    ``silence`` is how many seconds a later answer may take to begin or go on; ``None`` is for ever.

    Raises:
        UsageError: the extra ``docker`` is not installed.
        OperationError: no engine answers (``docker-down``), or the address is wrong.
    """
    if find_spec("docker") is None:
        message = "this needs a Python package that is not installed: docker"
        raise UsageError(message, code="missing-extra", hint="pip install 'opea-pulumi[docker]'")
    asked = address or engine_address(environ)
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        client = _client(asked)
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise _down(asked, error) from None
    client.api.timeout = silence
    return client


def _client(address: Address) -> docker.DockerClient:
    import docker

    if address.url.startswith("ssh://"):
        from ._ssh import ssh_client

        return ssh_client(address.url, _FIRST)
    if address.url.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as first:  # docker-py forgets to close one that is refused
            first.connect(address.url.removeprefix("unix://"))
    options: dict[str, Any] = {"base_url": address.url, "timeout": _FIRST, "tls": _tls(address)}
    if not address.tls:
        return docker.DockerClient(**options)
    with closing(_private(docker.DockerClient(version=_ANY, **options))) as first:
        version = first.api.version(api_version=False)["ApiVersion"]
    return _private(docker.DockerClient(version=version, **options))


def _private(client: docker.DockerClient) -> docker.DockerClient:
    """With its own certificates: to requests, REQUESTS_CA_BUNDLE of the environment goes before them."""
    client.api.trust_env = False
    return client


def _tls(address: Address) -> Any:
    from docker.tls import TLSConfig

    if not address.tls:
        return False
    folder = address.certificates
    ca, certificate, key = (folder / name if folder else None for name in ("ca.pem", "cert.pem", "key.pem"))
    pair = (str(certificate), str(key)) if certificate and certificate.is_file() else None
    return TLSConfig(
        client_cert=pair,
        ca_cert=str(ca) if ca and ca.is_file() else None,
        verify=address.verify,
    )


def _down(address: Address, error: Exception) -> OperationError:
    said = str(error)
    if "Permission denied" in said and address.url.startswith("unix://"):
        message = f"this user may not ask the Docker engine at {address.shown} ({address.origin})"
        hint = "sudo usermod -aG docker $USER, then log in again"
        return OperationError(message, code="docker-down", hint=hint)
    message = f"no Docker engine answers at {address.shown} ({address.origin}): {_reason(said)}"
    return OperationError(message, code="docker-down", hint="start Docker, or set DOCKER_HOST")


_REASONS = {
    "No such file or directory": "there is no such socket",
    "Connection refused": "nothing listens there",
    "Name or service not known": "no such host",
    "nodename nor servname": "no such host",
    "timed out": f"no answer in {_FIRST} s",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not trusted",
    "HTTP request to an HTTPS server": "it speaks TLS: set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH",
}


def _reason(said: str) -> str:
    """One line instead of the client library's chain of exceptions."""
    for sign, reason in _REASONS.items():
        if sign in said:
            return reason
    lines = said.removeprefix("Error while fetching server API version: ").splitlines()
    return lines[0][:200] if lines else "it gave no reason"


@contextmanager
def refused(what: str, *, code: str, hint: str = "") -> Iterator[None]:
    """What the engine refuses, or a connection that breaks, becomes an error that says what was being done.

    Raises:
        OperationError: with ``code``, and ``docker-down`` when the connection broke.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except OpeaError:
        raise
    except APIError as error:
        said = str(error.explanation or error).strip()
        raise OperationError(f"{what}: {said}", code=code, hint=hint) from None
    except (DockerException, RequestException) as error:
        message = f"{what}: the connection to the Docker engine broke: {_reason(str(error))}"
        raise OperationError(message, code="docker-down", hint="is Docker still running?") from None
