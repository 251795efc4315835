"""Image references: what they consist of, and how the lock and the registry prefix change them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opea_pulumi.errors import BlueprintError

from ._model import Workload
from ._plan import Plan, blueprint_error

DOCKER_HUB = "docker.io"
"""The registry of an image that names none."""

OWN = "opea-pulumi/"
"""This project's own images: nobody publishes them, the user builds them and pushes them to a registry."""

_MAX_LENGTH = 512
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def split_image(image: str) -> tuple[str, str, str, str]:
    """Registry, repository, tag and digest of an image, normalised as Docker does.

    ``redis`` is ``("docker.io", "library/redis", "latest", "")``. The tag is empty where only a digest
    is given.

    Raises:
        BlueprintError: it is no image reference (the text is not shown: it may hold a password).
    """
    host, path, tag, digest = _parts(image)
    registry = DOCKER_HUB if host in ("", "index.docker.io") else host
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return registry, path, tag or ("" if digest else "latest"), digest


def with_registry(image: str, registry: str) -> str:
    """The image under a prefix instead of its own registry's host; one that is there already stays.

    Its path stays as it is written: ``ghcr.io/huggingface/tgi:2`` under ``r.example.com/mirror`` is
    ``r.example.com/mirror/huggingface/tgi:2``, and ``redis:7`` is ``r.example.com/mirror/redis:7``.

    Raises:
        BlueprintError: it is no image reference.
    """
    prefix = registry.rstrip("/")
    _, path, tag, digest = _parts(image)
    if not prefix or image.startswith(f"{prefix}/"):
        return image
    return f"{prefix}/{path}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


def with_digest(image: str, digest: str) -> str:
    """The image at a digest; the tag stays, for people.

    Raises:
        BlueprintError: it is no image reference.
    """
    _parts(image)
    return f"{image.partition('@')[0]}@{digest}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest as registries give them: ``sha256:`` and 64 hexadecimal digits."""
    return bool(_DIGEST.fullmatch(text))


def with_images(
    plan: Plan, workloads: Mapping[str, Workload], digests: Mapping[str, str]
) -> dict[str, Workload]:
    """The workloads with their final images: at the lock's digests, then under the registry's prefix.

    An image that has a digest of its own keeps it. Nothing later changes ``Workload.image``.

    Raises:
        BlueprintError: an image, or the prefix, is none.
    """
    return {
        name: workload.model_copy(update={"image": _final(plan, workload.image, digests)})
        for name, workload in workloads.items()
    }


def _final(plan: Plan, image: str, digests: Mapping[str, str]) -> str:
    try:
        own = split_image(image)[3]
        pinned = with_digest(image, digests[image]) if image in digests and not own else image
    except BlueprintError as error:
        raise blueprint_error(error.code, error.message, _place(plan, image), error.hint) from None
    final = with_registry(pinned, plan.application.deployment.image_registry or "")
    try:
        split_image(final)
    except BlueprintError:
        hint = "a host and maybe a path, such as registry.example.com/mirror; no https://, user or password"
        place = "opea_deployment.image_registry"
        raise blueprint_error("bad-registry", "this is no registry prefix", place, hint) from None
    return final


def _place(plan: Plan, image: str) -> str:
    """The key path of an image that the user wrote."""
    for name, service in plan.services.items():
        if service.image == image:
            return plan.path(name, "image")
        if service.server is not None and service.server.image == image:
            return plan.path(name, "server", "image")
    return ""


def _parts(image: str) -> tuple[str, str, str, str]:
    """Host, path, tag and digest as they are written."""
    name, at, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    named = bool(slash) and (first == "localhost" or bool(re.search(r"[.:A-Z\[]", first)))
    host, path = (first, rest) if named else ("", name)
    path, colon, tag = path.partition(":")
    good = (
        len(image) <= _MAX_LENGTH
        and (not named or _HOST.fullmatch(host))
        and _PATH.fullmatch(path)
        and (not colon or _TAG.fullmatch(tag))
        and (not at or is_digest(digest))
    )
    if not good:
        hint = "[registry/]repository[:tag][@sha256:...], in lower case but for the tag"
        raise BlueprintError("this is no image reference", code="bad-image", hint=hint)
    return host, path, tag, digest
