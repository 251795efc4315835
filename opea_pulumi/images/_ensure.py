"""Seeing that the engine has all images of a deployment, with the account of a private registry.

The engine pulls them before any container is made, and not the Pulumi provider: it would need the password
in its own configuration, it keeps no reason of a registry that refuses, and it shows no progress.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opea_pulumi.blueprint import Blueprint, Secret, split_image
from opea_pulumi.docker_engine import connect
from opea_pulumi.errors import OperationError

from ._build import ensure_own_image
from ._context import own_image
from ._transfer import Report, find_image, pull

if TYPE_CHECKING:
    import docker

_AT_ONCE = 4
_PURPOSE = "account of the registry in image_registry; without it, docker login's is used"


@dataclass(frozen=True)
class Account:
    """Who pulls from one registry (a host, maybe with a port)."""

    registry: str
    user: str = field(repr=False)
    password: str = field(repr=False)

    def of(self, reference: str) -> dict[str, str] | None:
        """What the engine is told for an image, if it is in this registry."""
        if split_image(reference)[0] != self.registry:
            return None
        return {"username": self.user, "password": self.password}


def registry_secrets(blueprint: Blueprint) -> tuple[Secret, ...]:
    """User and password of the application's own registry, where it has one: config, else environment."""
    if not blueprint.settings.image_registry:
        return ()
    return tuple(
        Secret(
            name=f"registry-{word}",
            config=f"registry{word.title()}",
            environment=(f"OPEA_REGISTRY_{word.upper()}",),
            purpose=_PURPOSE,
        )
        for word in ("user", "password")
    )


def account_of(blueprint: Blueprint, user: str, password: str) -> Account | None:
    """The account at the application's own registry; ``None`` when there is no such registry or account."""
    prefix = blueprint.settings.image_registry
    if not (prefix and user and password):
        return None
    return Account(split_image(f"{prefix.rstrip('/')}/any")[0], user, password)


def ensure_images(images: Iterable[str], report: Report, account: Account | None = None) -> None:
    """See that the engine has images: as they are, else pulled, else (this project's own) built.

    ``report`` is called in the calling thread.

    Raises:
        OperationError: some cannot be had, each with its reason; or no engine answers.
    """
    client = connect(silence=None)
    try:
        missing = [image for image in sorted(set(images)) if find_image(client, image) is None]
        failures = list(
            _pull_all(client, [image for image in missing if not own_image(image)], report, account)
        )
        for image in missing:
            if own_image(image):
                failures += _build(client, image, report, account)
    finally:
        client.close()
    if len(failures) == 1:
        raise failures[0]
    if failures:
        lines = [f"  {error.message}" for error in failures]
        message = "\n".join([f"{len(failures)} images cannot be had:", *lines])
        raise OperationError(message, code=failures[0].code, hint=failures[0].hint)


def _build(
    client: docker.DockerClient, image: str, report: Report, account: Account | None
) -> Iterator[OperationError]:
    try:
        ensure_own_image(client, image, report, login=account.of(image) if account else None)
    except OperationError as error:
        if error.code == "docker-down":
            raise
        yield error


def _pull_all(
    client: docker.DockerClient, images: list[str], report: Report, account: Account | None
) -> Iterator[OperationError]:
    """What went wrong, an error an image."""
    if not images:
        return
    report(f"pulling {len(images)} images: {', '.join(images)}")
    begun = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        work: dict[Future[None], str] = {
            pool.submit(_pull, client, image, account): image for image in images
        }
        for done in as_completed(work):
            error = done.exception()
            if error is None:
                report(f"pulled {work[done]} ({time.monotonic() - begun:.0f} s)")
            elif isinstance(error, OperationError):
                yield error
            else:
                raise error


def _pull(client: docker.DockerClient, image: str, account: Account | None) -> None:
    pull(client, image, lambda _line: None, login=account.of(image) if account else None)
