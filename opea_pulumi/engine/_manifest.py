"""What was installed in the cache: version, way of installation and the checksum of the binary."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """The record beside an installed engine; ``sha256`` is that of ``bin/pulumi``."""

    version: str
    method: str
    sha256: str
    size: int
    mtime_ns: int

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and time of the binary when its checksum was last verified."""
        return self.size, self.mtime_ns


def record(root: Path, version: str, method: str) -> Manifest:
    """Write the manifest of the engine in ``root`` and return it."""
    binary = root / "bin" / "pulumi"
    size, mtime_ns = _stamp(binary)
    manifest = Manifest(version, method, _sha256(binary), size, mtime_ns)
    _write(root, manifest)
    return manifest


def verified(root: Path) -> Manifest | None:
    """The manifest of ``root`` when the binary is the one recorded, else ``None``.

    The checksum is computed only when the file's size or time differ from the record, so that a
    second run is instant.
    """
    binary = root / "bin" / "pulumi"
    try:
        manifest = Manifest(**json.loads((root / _NAME).read_text()))
        size, mtime_ns = _stamp(binary)
    except (OSError, ValueError, TypeError):
        return None
    if (size, mtime_ns) == manifest.stamp:
        return manifest
    if _sha256(binary) != manifest.sha256:
        return None
    with contextlib.suppress(OSError):  # a read-only cache is checked at each use
        _write(root, Manifest(manifest.version, manifest.method, manifest.sha256, size, mtime_ns))
    return manifest


def _stamp(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(root: Path, manifest: Manifest) -> None:
    draft = root / f".{_NAME}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(manifest), indent=1) + "\n")
    draft.replace(root / _NAME)
