"""An authority of a test's own, and a server's certificate by it, made by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAMES = "IP:127.0.0.1,IP:::1,DNS:localhost"


@dataclass(frozen=True)
class Certificates:
    """PEM files: who trusts ``ca`` believes that ``certificate`` (with ``key``) is of ``names``."""

    ca: Path
    certificate: Path
    key: Path


def make(folder: Path, names: str = NAMES) -> Certificates:
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    _openssl(*new, "-subj", "/CN=test authority", *authority, "-keyout", folder / "ca.key", "-out", made.ca)
    signed = ["-CA", made.ca, "-CAkey", folder / "ca.key", "-addext", f"subjectAltName={names}"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    _openssl(*new, "-subj", "/CN=server", *signed, *leaf, "-keyout", made.key, "-out", made.certificate)
    return made


def with_passphrase(key: Path, copy: Path) -> Path:
    _openssl("pkey", "-in", key, "-aes256", "-passout", "pass:words", "-out", copy)
    return copy


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
