"""What ``catalog verify`` does: from an application or a release to a table and a lock file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opea_pulumi.errors import Location, UsageError

from ._app import load_app
from ._output import note, table, write_json

if TYPE_CHECKING:
    from opea_pulumi.application import Lock
    from opea_pulumi.operations import Verified


def run(
    app: str | None,
    choices: Mapping[str, Any],
    output: Path | None,
    insecure: tuple[str, ...],
    *,
    prune: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Verify, write the lock, show what was found; returns the exit code.

    Raises:
        OpeaError: the application, the lock, Docker's configuration or the release is wrong.
    """
    if find_spec("httpx") is None:
        message = "catalog verify needs a Python package that is not installed: httpx"
        raise UsageError(message, code="missing-extra", hint="pip install 'opea-pulumi[engine]'")
    from opea_pulumi.application import read_lock
    from opea_pulumi.operations import docker_credentials, locked, verify

    name, images, file = _wanted(app, choices, output)
    old = read_lock(file) if file else None
    found = verify(images, old, insecure=insecure, credentials=docker_credentials())
    today = datetime.now(UTC).date().isoformat()
    lock = locked(old, found, release=name, resolved=today, prune=prune)
    written = _write(file, lock, old, found)
    if as_json:
        write_json({"release": name, "lock": written, "images": [asdict(item) for item in found]})
    else:
        table(("IMAGE", "STATE", "DIGEST"), ((item.pulled, item.state, _detail(item)) for item in found))
    _say(found, lock, written)
    return 1 if any(item.missing or (strict and item.state == "no-answer") for item in found) else 0


def _wanted(
    app: str | None, choices: Mapping[str, Any], output: Path | None
) -> tuple[str, dict[str, str], Path | None]:
    """The release's name, the images with where they are pulled from, and the lock file."""
    from opea_pulumi.application import LOCK_NAME
    from opea_pulumi.operations import application_images, release_images

    release = choices["release"]
    if app is None and release is not None:
        return release, release_images(release), output
    loaded = load_app(app)
    blueprint, images = application_images(loaded, **choices)
    return blueprint.release, images, output or loaded.path.parent / LOCK_NAME


def _write(file: Path | None, lock: Lock, old: Lock | None, found: list[Verified]) -> str | None:
    """The path of the lock that was written; none when there was nothing to write."""
    from opea_pulumi.application import dump_lock

    if file is None or (old is None and not any(item.digest for item in found)):
        return None
    try:
        file.write_text(dump_lock(lock), "utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise UsageError(message, code="not-writable", location=Location(str(file))) from None
    return str(file)


def _detail(item: Verified) -> str:
    if not item.digest:
        return item.detail
    changed = item.previous and item.previous != item.digest
    return f"{item.digest} (was {item.previous})" if changed else item.digest


def _say(found: list[Verified], lock: Lock, written: str | None) -> None:
    """On stderr: what the table does not say of the lock."""
    for item in found:
        if not item.digest and item.image in lock.images and written:
            note(f"kept from the old lock: {item.image}: {lock.images[item.image]}")
    asked = {item.image for item in found}
    others = len(lock.images.keys() - asked)
    if others and written:
        note(f"kept from the old lock: {others} more of other images; --prune drops them")
    note(f"wrote {written}" if written else "no lock was written")
