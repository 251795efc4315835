"""Building our images with the engine's own builder, which needs no network."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opea_pulumi
from opea_pulumi.blueprint import split_image
from opea_pulumi.docker_engine import refused
from opea_pulumi.errors import Location, OperationError

from ._context import Base, OwnImage, check_platform, default_base, make_context, own_image
from ._transfer import InEngine, Report, find_image, pull, tag_image

if TYPE_CHECKING:
    import docker

_LAST = 8
"""Lines of the builder that an error shows."""


@dataclass(frozen=True)
class Built:
    """An image that was built: every reference that it has now, and what the engine says of it."""

    references: tuple[str, ...]
    image: InEngine


def choose_base(client: docker.DockerClient, base: str, python: str, platform: str) -> Base:
    """The base of a build: what was given, else the data file's; the platform is the engine's by default.

    Raises:
        OperationError: nothing is known of that platform.
    """
    chosen = platform or engine_platform(client)
    return Base(base, python, chosen) if base else default_base(chosen)


def engine_platform(client: docker.DockerClient) -> str:
    """Such as ``linux/amd64``."""
    with refused("the engine does not say what it runs on", code="docker-refused"):
        version = client.version()
    return f"{version['Os']}/{version['Arch']}"


def build(
    client: docker.DockerClient, image: OwnImage, base: Base, report: Report, also: Sequence[str] = ()
) -> Built:
    """Build an image under its own reference and those of ``also``; progress goes to ``report`` as lines.

    Raises:
        OperationError: no base, not built for that platform, pip or the builder failed.
    """
    check_platform(image, base.platform)
    _need_base(client, base, report)
    references = (image.reference, *also)
    with tempfile.TemporaryDirectory(prefix="opea-image-") as folder:
        report(f"{image.reference}: getting wheels for Python {base.python} on {base.platform}")
        make_context(image, base, Path(folder))
        _run(client, image, base, Path(folder), report)
    for reference in also:
        tag_image(client, image.reference, reference)
    found = find_image(client, image.reference)
    if found is None:
        message = f"the engine says that it has built {image.reference}, and does not have it"
        raise OperationError(message, code="build-failed")
    return Built(references, found)


def ensure_own_image(
    client: docker.DockerClient,
    reference: str,
    progress: Report,
    *,
    base: Base | None = None,
    login: Mapping[str, str] | None = None,
) -> bool:
    """See that the engine has an image of this project: as it is, else from its registry, else built.

    Returns whether something was done; an image of somebody else is left alone. ``base`` is what it is
    built on (default: the data file's), ``login`` the account at its registry (default: docker login's).

    Raises:
        OperationError: it cannot be built, or is one that only a registry can give.
    """
    image = own_image(reference)
    if image is None or find_image(client, reference) is not None:
        return False
    if reference != image.reference and _pulled(client, reference, progress, login):
        return True
    _, _, tag, digest = split_image(reference)
    if digest or tag != opea_pulumi.__version__:
        what = "at that digest" if digest else f"of version {tag}"
        message = f"the engine has no {reference}, and no image {what} is built here"
        hint = f"docker pull {reference}, or leave the image to this version ({opea_pulumi.__version__})"
        raise OperationError(message, code="no-image", hint=hint)
    also = [] if reference == image.reference else [reference]
    if also and find_image(client, image.reference) is not None:
        tag_image(client, image.reference, reference)
    else:
        build(client, image, base or choose_base(client, "", "", ""), progress, also)
    return True


def _pulled(
    client: docker.DockerClient, reference: str, report: Report, login: Mapping[str, str] | None
) -> bool:
    try:
        pull(client, reference, report, login=login)
    except OperationError as error:
        if error.code == "docker-down" or (login and error.code == "registry-denied"):
            raise
        return False
    return True


def _need_base(client: docker.DockerClient, base: Base, report: Report) -> None:
    found = find_image(client, base.image)
    if found is not None and found.platform == base.platform:
        return
    try:
        pull(client, base.image, report, platform=base.platform)
    except OperationError as error:
        if error.code == "docker-down":
            raise
        has = f"has {base.image} for {found.platform} only" if found else f"has no {base.image}"
        reason = error.message.partition("cannot be pulled: ")[2]
        message = f"the engine {has}, and cannot pull it for {base.platform}: {reason}"
        hint = "name a base that it has, with Python and pip: --base IMAGE --python X.Y"
        raise OperationError(message, code="no-base", hint=hint) from None


def _run(client: docker.DockerClient, image: OwnImage, base: Base, folder: Path, report: Report) -> None:
    """The build itself; nothing in it can reach a network."""
    options: dict[str, Any] = {"platform": base.platform} if base.platform != engine_platform(client) else {}
    log = _Log(image, report)
    with refused(f"{image.reference} does not build", code="build-failed"):
        lines = client.api.build(
            path=str(folder),
            tag=image.reference,
            target=image.name,
            buildargs={**base.build_arguments, "EXTRA": image.extra},
            network_mode="none",
            use_config_proxy=False,
            rm=True,
            forcerm=True,
            decode=True,
            **options,
        )
        try:
            for line in lines:
                log.take(line)
        finally:
            _remove_stages(client, base, log.stages)


def _remove_stages(client: docker.DockerClient, base: Base, stages: Sequence[str]) -> None:
    """What the classic builder leaves of the other stages: images without a name, of no use to a next build.

    The engine itself keeps what another image is made on.
    """
    with suppress(OperationError):  # only tidiness, and never instead of the build's own error
        kept = find_image(client, base.image)
        for stage in stages:
            found = find_image(client, stage)
            if found and kept and not found.tags and not found.digests and found.id != kept.id:
                with suppress(OperationError), refused("it stays", code="in-use"):
                    client.images.remove(stage)


class _Log:
    """What the builder says: its steps go on as progress, its last lines into the error."""

    def __init__(self, image: OwnImage, report: Report) -> None:
        self._image, self._report = image, report
        self._last: list[str] = []
        self._step = self._id = ""
        self._stages: list[str] = []

    @property
    def stages(self) -> list[str]:
        """The last image of every stage that was begun, as far as it got."""
        return [*self._stages, self._id] if self._id else self._stages

    def take(self, message: dict[str, Any]) -> None:
        if "error" in message:
            raise self._error(str(message["error"]))
        for line in str(message.get("stream") or "").splitlines():
            if not line.strip():
                continue
            self._last = [*self._last, line.rstrip()][-_LAST:]
            self._see(line.strip())

    def _see(self, line: str) -> None:
        step = re.match(r"Step (\d+/\d+) : (.*)", line)
        if step:
            self._step = step[2]
            if self._step.startswith("FROM") and self._id:
                self._stages.append(self._id)
            self._report(f"{self._image.reference}: step {step[1]}: {self._step[:80]}")
        elif match := re.fullmatch(r"---> ([0-9a-f]{12})", line):
            self._id = match[1]

    def _error(self, said: str) -> OperationError:
        lines = "".join(f"\n  | {line[:160]}" for line in self._last)
        message = f"{self._image.reference} does not build: {said.strip()[:300]}{lines}"
        return OperationError(message, code="build-failed", location=_place(self._step))


def _place(step: str) -> Location:
    """Where in the Dockerfile a step stands; the builder shows it on one line."""
    file = files(__package__) / "Dockerfile"
    start = step[:24]
    numbers = (
        number
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if start and line.startswith(start)
    )
    return Location(str(file), next(numbers, None))
