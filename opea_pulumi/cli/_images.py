"""What ``images`` and ``export-images`` do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opea_pulumi.errors import OperationError, UsageError

from ._output import note, table, write_json

if TYPE_CHECKING:
    import docker

    from opea_pulumi.application import Loaded
    from opea_pulumi.images import Needed, OwnImage
    from opea_pulumi.terms import Profile

_SILENCE = 900
"""Seconds that an engine may be silent: it says nothing while it saves large images, or commits layers."""
_ID = slice(7, 19)  # without sha256:, as docker shows it


@contextmanager
def _engine() -> Iterator[docker.DockerClient]:
    from opea_pulumi.docker_engine import connect

    with closing(connect(silence=_SILENCE)) as client:
        yield client


def _chosen(names: Sequence[str]) -> list[OwnImage]:
    from opea_pulumi.images import own_images

    return [image for image in own_images() if not names or image.name in names]


def build_images(
    names: Sequence[str], *, base: str, python: str, platform: str, registry: str, as_json: bool
) -> None:
    """Build, tag, and show what was built.

    Raises:
        UsageError: the flags do not go together.
        OperationError: no engine, no base, or the build failed.
    """
    if bool(base) != bool(python):
        raise UsageError("--base and --python go together", code="base-python")
    from opea_pulumi.images import build, check_platform, choose_base, prefixed

    images = _chosen(names)
    also = {image.name: [prefixed(image.reference, registry)] if registry else [] for image in images}
    with _engine() as client:
        chosen = choose_base(client, base, python, platform)
        for image in images:
            check_platform(image, chosen.platform)
        built = [build(client, image, chosen, note, also[image.name]) for image in images]
    if as_json:
        write_json([{"references": item.references, **asdict(item.image)} for item in built])
        return
    rows = ((name, item.image.id[_ID], _size(item.image.size)) for item in built for name in item.references)
    table(("IMAGE", "ID", "SIZE"), rows)


def push_images(names: Sequence[str], registry: str, *, as_json: bool) -> None:
    """Push, and show the digests.

    Raises:
        UsageError: the registry's prefix is none.
        OperationError: no engine, not built yet, or the registry refuses.
    """
    from opea_pulumi.images import find_image, prefixed, push_image

    images = [(image, prefixed(image.reference, registry)) for image in _chosen(names)]
    with _engine() as client:
        for image, reference in images:
            _have(client, image, reference)
        pushed = []
        for _, reference in images:
            digest = push_image(client, reference, note)
            found = find_image(client, reference)
            pushed.append({"image": reference, "digest": digest, "id": found.id if found else ""})
    if as_json:
        write_json(pushed)
    else:
        table(("IMAGE", "DIGEST"), ((item["image"], item["digest"]) for item in pushed))


def _have(client: docker.DockerClient, image: OwnImage, reference: str) -> None:
    """Under the registry's prefix, too: what was built before is tagged, and wins over an older tag."""
    from opea_pulumi.images import find_image, tag_image

    if find_image(client, image.reference) is not None:
        tag_image(client, image.reference, reference)
    elif find_image(client, reference) is None:
        message = f"the engine has no {image.reference} to push"
        raise OperationError(message, code="no-image", hint=image.build_command())


def load_archive(file: Path, *, as_json: bool) -> None:
    """Load, and show what was loaded.

    Raises:
        OperationError: no engine, or no such archive.
    """
    from opea_pulumi.images import find_image, load_images

    with _engine() as client:
        loaded = [(name, find_image(client, name)) for name in load_images(client, file, note)]
    if as_json:
        write_json([{"image": name, **(asdict(found) if found else {})} for name, found in loaded])
        return
    rows = ((name, found.id[_ID], _size(found.size)) for name, found in loaded if found)
    table(("IMAGE", "ID", "SIZE"), rows)


def show_images(registry: str, *, as_json: bool) -> None:
    """Show our images, those that the engine has and those that it has not.

    Raises:
        OperationError: no engine.
    """
    from opea_pulumi.images import find_image, prefixed

    rows: list[dict[str, Any]] = []
    with _engine() as client:
        for image in _chosen(()):
            reference = prefixed(image.reference, registry)
            found = find_image(client, reference)
            build = image.build_command(registry)
            row = {"image": reference, "id": "", "size": 0, "created": "", "build": build}
            rows.append(
                row | ({key: asdict(found)[key] for key in ("id", "size", "created")} if found else {})
            )
    if as_json:
        write_json(rows)
        return
    shown = (
        (row["image"], row["id"][_ID], _size(row["size"]), row["created"][:19], row["build"])
        if row["id"]
        else (row["image"], "missing", "", "", row["build"])
        for row in rows
    )
    table(("IMAGE", "ID", "SIZE", "CREATED", "BUILT BY"), shown)


def export_images(
    loaded: Loaded, to: str, profile: Profile | None, file: Path | None, *, force: bool, as_json: bool
) -> None:
    """Show the images of an application, or save them.

    Raises:
        OpeaError: the application does not fit, no engine answers, images are missing, or the file is there.
    """
    from opea_pulumi.convert import blueprint_for
    from opea_pulumi.images import images_needed

    with loaded.locating():
        blueprint = blueprint_for(
            loaded.application,
            to,
            name=loaded.name,
            profile=profile,
            files=loaded.files,
            digests=loaded.digests,
        )
    with _engine() as client:
        needed = images_needed(client, blueprint)
        if file is not None:
            _save(client, needed, file, force=force)
            needed = images_needed(client, blueprint)
    if as_json:
        rows = [asdict(item) | {"missing": item.missing} for item in needed]
        write_json({"file": str(file) if file else None, "images": rows})
    else:
        _show_needed(needed)


def _save(client: docker.DockerClient, needed: Sequence[Needed], file: Path, *, force: bool) -> None:
    """Our own images are built when they are missing; anybody else's are the user's to pull.

    Raises:
        OpeaError: images are missing, or the file cannot be written.
    """
    from opea_pulumi.images import check_archive, ensure_own_image, own_image, save_images

    check_archive(file, force=force)
    absent = [item for item in needed if item.missing and not own_image(item.image)]
    if absent:
        message = f"the engine lacks {len(absent)} of the {len(needed)} images that the application needs"
        hint = "get them first:" + "".join(f"\n    {item.get}" for item in absent)
        raise OperationError(message, code="images-missing", hint=hint)
    for item in needed:
        ensure_own_image(client, item.image, note)
    size = save_images(client, [item.image for item in needed], file, note, force=force)
    note(f"wrote {file}: {_size(size)}; on the other host: opea-pulumi images load {file.name}")
    pinned = sum("@" in item.image for item in needed)
    if pinned:
        note(
            f"an archive holds no digests: {pinned} images are pinned by opea.lock, leave it out on that host"
        )


def _show_needed(needed: Sequence[Needed]) -> None:
    """One line an image; what gets those that are missing stands in the last column."""
    rows = (
        (
            item.image.partition("@")[0],
            item.digest or "-",
            _size(item.size) if item.id else f"missing: {item.get}",
        )
        for item in needed
    )
    table(("IMAGE", "DIGEST", "SIZE"), rows)


def _size(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
