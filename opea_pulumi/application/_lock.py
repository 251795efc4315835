"""The lock file: the digests of an application's images, as ``opea-pulumi catalog verify`` found them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from opea_pulumi.errors import ApplicationError, Location

from ._source import Source, quoted_key
from ._yaml import MAX_BYTES, parse

LOCK_NAME = "opea.lock"
_VERSION = 1
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_HEAD = "# Written by opea-pulumi catalog verify: the digests of the images, which up and convert use.\n"
_HINT = "opea-pulumi catalog verify writes it anew once this file is away"


@dataclass(frozen=True)
class Lock:
    """The digests of images by the images as the catalogue or the application writes them (``opea/llm:1.5``).

    ``resolved`` is the day of the last verification (ISO 8601).
    """

    release: str
    resolved: str
    images: Mapping[str, str] = field(default_factory=dict)


def read_lock(path: Path) -> Lock | None:
    """The lock of a file; ``None`` when there is no such file.

    Raises:
        ApplicationError: it cannot be read, or it is no lock of a version that is known.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"the lock cannot be read: {error.strerror}"
        raise ApplicationError(message, code="bad-lock", location=Location(str(path))) from None
    return _lock(parse(text, str(path)))


def read_digests(application: Path) -> Mapping[str, str]:
    """The digests of the lock beside an application's file; none when there is no lock.

    Raises:
        ApplicationError: there is one, and it is wrong.
    """
    lock = read_lock(application.parent / LOCK_NAME)
    return lock.images if lock else {}


def dump_lock(lock: Lock) -> str:
    """The lock as YAML that reads back to an equal one: one line an image, sorted."""
    images = dict(sorted(lock.images.items()))
    document = {"version": _VERSION, "release": lock.release, "resolved": lock.resolved, "images": images}
    return _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)


def _lock(source: Source) -> Lock:
    data = source.data
    if not isinstance(data, dict):
        source.fail("bad-lock", "a lock is a mapping with version, release, resolved and images", hint=_HINT)
    if data.get("version") != _VERSION:
        hint = "a newer opea-pulumi wrote it" if "version" in data else _HINT
        source.fail("bad-lock", f"this is no lock of version {_VERSION}", ("version",), hint=hint)
    for key in data:
        if key not in ("version", "release", "resolved", "images"):
            source.fail("bad-lock", f"a lock has no key {quoted_key(key)}", (key,), key=True, hint=_HINT)
    return Lock(_text(source, data, "release"), _text(source, data, "resolved"), _images(source, data))


def _text(source: Source, data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    if not isinstance(value, str):
        source.fail("bad-lock", f"{key} must be text", (key,), hint=_HINT)
    return value


def _images(source: Source, data: Mapping[str, Any]) -> dict[str, str]:
    images = data.get("images")
    if not isinstance(images, dict):
        source.fail("bad-lock", "images must be a mapping of images to digests", ("images",), hint=_HINT)
    for image, digest in images.items():
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            hint = "sha256: and 64 hexadecimal digits"
            source.fail("bad-lock", "this is no digest", ("images", image), hint=hint)
    return dict(sorted(images.items()))
