"""TLS of the router's own port: TLS 1.2 or later, HTTP/1.1."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from opea_pulumi.errors import FlowError, Location


def make_tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """The context of a certificate (with what is between it and its CA) and its key, both PEM files.

    ``None`` for both is no TLS. The files are read once.

    Raises:
        FlowError: one is given without the other, cannot be read or is no PEM; the key has a passphrase,
            or is another certificate's.
    """
    if certificate is None and key is None:
        return None
    if not certificate or not key:
        message = "TLS needs both a certificate and its key"
        raise FlowError(message, code="bad-tls", hint="give --tls-certificate FILE and --tls-key FILE")
    for file in (certificate, key):
        _check_readable(file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=lambda: _refuse_passphrase(key))
    except ssl.SSLError as error:
        _refuse(error, certificate, key)
    return context


def _check_readable(file: str) -> None:
    try:
        Path(file).read_bytes()
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        raise FlowError(message, code="unreadable", location=Location(file=file)) from None


def _refuse_passphrase(key: str) -> NoReturn:
    message = "the private key has a passphrase, which nobody is there to type"
    hint = "openssl pkey -in KEY -out KEY-without-passphrase"
    raise FlowError(message, code="bad-tls", location=Location(file=key), hint=hint)


def _refuse(error: ssl.SSLError, certificate: str, key: str) -> NoReturn:
    if error.reason == "KEY_VALUES_MISMATCH":
        message, file = "the private key is another certificate's", key
    else:  # OpenSSL does not say in which of the two
        message, file = "no certificate with its private key, as PEM", certificate
    raise FlowError(message, code="bad-tls", location=Location(file=file)) from None
