"""What a client of an exposed application shows and trusts: an API key, and an authority of its own."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from opea_pulumi.errors import Location, OperationError

KEY_VARIABLE = "OPEA_API_KEY"
CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class Access:
    """``key`` goes to the router alone; ``verify`` says whose certificates are believed."""

    key: str = field(default="", repr=False)
    verify: ssl.SSLContext | bool = True

    @property
    def without_key(self) -> Access:
        """For who asks for none."""
        return Access(verify=self.verify)

    @property
    def headers(self) -> dict[str, str]:
        """For a request to the router."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


ANYBODY = Access()
"""No key, and the public authorities (those of certifi)."""


def access(ca: str | None = None, environ: Mapping[str, str] = os.environ) -> Access:
    """The key of ``OPEA_API_KEY``, and the authorities of a file ``ca`` (PEM), else of ``SSL_CERT_FILE``.

    Raises:
        OperationError: the key cannot stand in a header, or the file holds no certificates.
    """
    key = environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        message = f"{KEY_VARIABLE} holds characters that no key has"
        raise OperationError(message, code="bad-key", hint="it is the key itself, not its hash or a file")
    file, folder = ca or environ.get(CA_VARIABLES[0]), None if ca else environ.get(CA_VARIABLES[1])
    if not file and not folder:
        return Access(key)
    try:
        return Access(key, ssl.create_default_context(cafile=file or None, capath=folder or None))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no certificates in PEM"
        if isinstance(error, ssl.SSLError):
            reason = "no certificates in PEM"
        message = f"the authority's certificates cannot be read: {reason}"
        place = Location(file=str(file or folder))
        raise OperationError(message, code="bad-ca", location=place) from None
