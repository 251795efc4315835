"""Which images a deployment needs, which of them the engine has, and an archive of all for another host."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from opea_pulumi.blueprint import Blueprint, split_image
from opea_pulumi.docker_engine import refused
from opea_pulumi.errors import Location, OperationError, UsageError

from ._context import own_image
from ._transfer import InEngine, Report, by_digest, by_tag, find_image, tag_image

if TYPE_CHECKING:
    import docker

_CHUNK = 1 << 20
_END = bytes(2 * tarfile.BLOCKSIZE)
"""What a whole archive ends with."""


@dataclass(frozen=True)
class Needed:
    """An image of a deployment, its workloads, and where it is: ``id`` and ``size`` when the engine has it.

    ``digest`` is the reference's own (the lock's), else the one that the engine's registry gave, else
    empty. ``get`` is the command that brings the image into the engine.
    """

    image: str
    tag: str
    digest: str
    workloads: tuple[str, ...]
    id: str
    size: int
    get: str

    @property
    def missing(self) -> bool:
        """Whether the engine lacks it."""
        return not self.id


def images_needed(client: docker.DockerClient, blueprint: Blueprint) -> list[Needed]:
    """Every image of a blueprint, sorted by reference.

    Raises:
        OperationError: the engine does not answer as it should.
    """
    workloads: dict[str, list[str]] = {}
    for workload in blueprint.workloads:
        workloads.setdefault(workload.image, []).append(workload.name)
    registry = blueprint.settings.image_registry
    return [
        _needed(image, tuple(workloads[image]), find_image(client, image), registry)
        for image in sorted(workloads)
    ]


def _needed(image: str, workloads: tuple[str, ...], found: InEngine | None, registry: str) -> Needed:
    _, _, tag, digest = split_image(image)
    own = own_image(image)
    return Needed(
        image=image,
        tag=tag,
        digest=digest or (found.digest_of(image) if found else ""),
        workloads=workloads,
        id=found.id if found else "",
        size=found.size if found else 0,
        get=own.build_command(registry) if own and not digest else f"docker pull {image}",
    )


def check_archive(file: Path, *, force: bool) -> None:
    """See that a file is not there yet, unless it may be replaced.

    Raises:
        UsageError: it is.
    """
    if file.exists() and not force:
        place = Location(str(file))
        message = "this file is there already"
        raise UsageError(message, code="file-exists", location=place, hint="--force replaces it")


def save_images(
    client: docker.DockerClient, images: Iterable[str], file: Path, report: Report, *, force: bool = False
) -> int:
    """Write one archive (``docker save``'s form) with images that the engine has; returns its bytes.

    The file appears whole or not at all. The archive holds tags, no digests: an image that was pulled by
    its digest gets its tag in the engine first.

    Raises:
        UsageError: the file is there already, or cannot be written.
        OperationError: the engine refuses, or breaks off.
    """
    check_archive(file, force=force)
    place = Location(str(file))
    names = sorted({_tagged(client, image) for image in images})
    report(f"saving {len(names)} images to {file}")
    with _whole_file(file) as draft, refused("the engine cannot save the images", code="save-failed"):
        _stream(client, names, draft)
        archived = _archived(draft)
        missing = [name for name in names if split_image(name)[:3] not in archived]
        if missing:
            message = f"the engine's archive lacks {', '.join(missing)}"
            raise OperationError(message, code="save-failed", location=place)
        return draft.seek(0, os.SEEK_END)


def _tagged(client: docker.DockerClient, image: str) -> str:
    name, found = by_tag(image), find_image(client, image)
    if found is None:
        message, hint = f"the engine has no {image} to save", f"docker pull {image}"
        raise OperationError(message, code="no-image", hint=hint)
    there = find_image(client, name)
    if there is None:
        tag_image(client, image, name)
    elif there.id != found.id:
        message = f"the engine's {name} is another image than the one at the lock's digest"
        raise OperationError(message, code="other-image", hint=f"docker tag {by_digest(image)} {name}")
    return name


def _stream(client: docker.DockerClient, names: list[str], draft: IO[bytes]) -> None:
    """docker-py has no call for several images in one archive, which share their layers."""
    api = client.api
    url = f"{api.base_url}/v{api.api_version}/images/get"
    with api.get(url, params={"names": names}, stream=True, timeout=api.timeout) as response:
        if response.status_code != 200:
            said = response.text.strip()[:300]
            raise OperationError(f"the engine cannot save the images: {said}", code="save-failed")
        for chunk in response.iter_content(_CHUNK):
            draft.write(chunk)
    draft.flush()


def _archived(draft: IO[bytes]) -> set[tuple[str, str, str]]:
    """The references that an archive holds, by its own table; none when it broke off."""
    if draft.seek(0, os.SEEK_END) < len(_END):
        return set()
    draft.seek(-len(_END), os.SEEK_END)
    if draft.read() != _END:
        return set()
    draft.seek(0)
    try:
        with tarfile.open(fileobj=draft, mode="r:") as archive:
            table = archive.extractfile("manifest.json")
            entries: list[dict[str, Any]] = json.load(table) if table else []
    except (tarfile.TarError, KeyError, ValueError):
        return set()
    return {split_image(tag)[:3] for entry in entries for tag in entry.get("RepoTags") or ()}


@contextmanager
def _whole_file(file: Path) -> Iterator[IO[bytes]]:
    """A file beside ``file`` that takes its place when all is written, and goes when not."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as draft:
            try:
                yield draft
                draft.flush()
                os.fsync(draft.fileno())
                Path(draft.name).chmod(0o644)
                Path(draft.name).replace(file)
            except BaseException:
                Path(draft.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise UsageError(message, code="not-writable", location=Location(str(file))) from None
