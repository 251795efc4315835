"""Verifying the images of an application or a release, and what of it goes into the lock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import opea_pulumi
from opea_pulumi.application import Application, Loaded, Lock
from opea_pulumi.blueprint import OWN, Blueprint, build_blueprint, split_image, with_registry
from opea_pulumi.catalog import images_of, load_release
from opea_pulumi.terms import Hardware, Orchestrator, Profile

from ._credentials import Credentials
from ._registry import ImageAnswer, ask_registries


@dataclass(frozen=True)
class Verified:
    """One image: as the catalogue or the application writes it, and where it is ``pulled`` from.

    ``state`` is ``resolved``, ``not-found``, ``unauthorized``, ``no-answer``, or ``own`` for this
    project's images as long as no registry of the user's has them. ``previous`` is the old lock's digest.
    """

    image: str
    pulled: str
    state: str
    digest: str = ""
    detail: str = ""
    previous: str = ""

    @property
    def missing(self) -> bool:
        """Whether a registry answered that it does not give this image."""
        return self.state in ("not-found", "unauthorized")


def application_images(
    loaded: Loaded,
    *,
    profile: Profile | None = None,
    release: str | None = None,
    hardware: Hardware | None = None,
    orchestrator: Orchestrator | None = None,
) -> tuple[Blueprint, dict[str, str]]:
    """An application's blueprint, and where each of its images is pulled from (its registry's prefix counts).

    Raises:
        OpeaError: the application fits no release; the place in its file is named.
    """
    deployment = loaded.application.deployment.model_copy(update={"image_registry": None})
    plain = loaded.application.model_copy(update={"deployment": deployment})

    def build(application: Application) -> Blueprint:
        return build_blueprint(
            application,
            name=loaded.name,
            profile=profile,
            release=release,
            hardware=hardware,
            orchestrator=orchestrator,
        )

    with loaded.locating():
        final, written = build(loaded.application), build(plain)
        registry = final.settings.image_registry
        images = {workload.image for workload in written.workloads}
        return final, {image: with_registry(image, registry) for image in sorted(images)}


def release_images(release: str) -> dict[str, str]:
    """Every image of a release, for every kind of hardware.

    Raises:
        CatalogError: there is no such release.
    """
    version = opea_pulumi.__version__
    images = {image.replace("{version}", version) for image in images_of(load_release(release))}
    return {image: image for image in sorted(images)}


def verify(
    images: Mapping[str, str],
    lock: Lock | None,
    *,
    insecure: Collection[str] = (),
    credentials: Credentials | None = None,
) -> list[Verified]:
    """Ask the registries of images (where each is pulled from, by image); the answers in their order.

    Raises:
        BlueprintError: an image is no image reference.
        OperationError: the environment's proxy cannot be used.
    """
    asked = sorted({pulled for pulled in images.values() if not pulled.startswith(OWN)})
    answers = {
        answer.image: answer for answer in ask_registries(asked, insecure=insecure, credentials=credentials)
    }
    before = lock.images if lock else {}
    return [
        _verified(image, pulled, answers.get(pulled), before.get(image, ""))
        for image, pulled in images.items()
    ]


def _verified(image: str, pulled: str, answer: ImageAnswer | None, previous: str) -> Verified:
    if answer is None:
        detail = "this project's own: build it and push it to a registry (image_registry)"
        return Verified(image, pulled, "own", "", detail, previous)
    return Verified(image, pulled, answer.state, answer.digest, answer.detail, previous)


def locked(old: Lock | None, found: list[Verified], *, release: str, resolved: str, prune: bool) -> Lock:
    """The new lock: what was resolved over what the old one has.

    An image that has a digest of its own needs no lock. With ``prune``, entries of images that were
    not asked for (another hardware's, another file's) go.
    """
    asked = {item.image for item in found}
    kept = {
        image: digest for image, digest in (old.images if old else {}).items() if image in asked or not prune
    }
    new = {item.image: item.digest for item in found if item.digest and not split_image(item.image)[3]}
    return Lock(release, resolved, dict(sorted({**kept, **new}.items())))
