"""What ``docker login`` left in Docker's config file; it is sent to its registry and shown nowhere."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opea_pulumi.errors import Location, OperationError


@dataclass(frozen=True)
class Credentials:
    """``user:password`` in Base64 by registry."""

    by_registry: Mapping[str, str] = field(repr=False)

    def basic(self, registry: str) -> str:
        """The Authorization header for a registry; empty when there is none."""
        given = self.by_registry.get(registry)
        return f"Basic {given}" if given else ""


def docker_credentials() -> Credentials:
    """Those of ``auths`` in ``config.json``, in ``DOCKER_CONFIG`` or ``~/.docker``; none without such a file.

    What credential helpers keep is not asked for.

    Raises:
        OperationError: the file cannot be read.
    """
    folder = os.environ.get("DOCKER_CONFIG")
    file = (Path(folder) if folder else Path("~/.docker").expanduser()) / "config.json"
    try:
        data = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Credentials({})
    except (OSError, ValueError):
        hint = "repair it, or name another folder: export DOCKER_CONFIG=DIRECTORY"
        place = Location(str(file))
        raise OperationError(
            "not Docker's configuration", code="bad-docker-config", location=place, hint=hint
        ) from None
    auths = data.get("auths") if isinstance(data, dict) else None
    found = {_host(key): _pair(value) for key, value in (auths.items() if isinstance(auths, dict) else ())}
    return Credentials({host: pair for host, pair in sorted(found.items()) if pair})


def _host(key: str) -> str:
    """The registry of a key, which may be an address: ``https://index.docker.io/v1/`` is docker.io."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    return "docker.io" if host in ("index.docker.io", "registry-1.docker.io") else host


def _pair(entry: Any) -> str:
    auth = entry.get("auth") if isinstance(entry, dict) else None
    if not isinstance(auth, str):
        return ""
    try:
        plain = base64.b64decode(auth, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return auth if b":" in plain else ""
