"""Images in the engine, in registries and in archives; credentials are those of ``docker login``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opea_pulumi.blueprint import split_image, with_registry
from opea_pulumi.docker_engine import refused
from opea_pulumi.errors import BlueprintError, Location, OperationError, UsageError

if TYPE_CHECKING:
    import docker

Report = Callable[[str], None]


@dataclass(frozen=True)
class InEngine:
    """An image that the engine has; ``size`` is in bytes, ``created`` in ISO 8601, ``digests`` as registries
    gave them (``repository@sha256:...``), ``platform`` such as linux/amd64."""

    id: str
    size: int
    created: str
    platform: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]

    def digest_of(self, reference: str) -> str:
        """Its digest in a reference's repository; empty when that registry gave none."""
        wanted = split_image(reference)[:2]
        for name in self.digests:
            if split_image(name)[:2] == wanted:
                return name.partition("@")[2]
        return ""


def find_image(client: docker.DockerClient, reference: str) -> InEngine | None:
    """What the engine has under a reference; with a digest only exactly that.

    Raises:
        OperationError: the engine does not answer as it should.
    """
    from docker.errors import NotFound

    with refused(f"the engine does not say whether it has {reference}", code="docker-refused"):
        try:
            data = client.api.inspect_image(by_digest(reference))
        except NotFound:
            return None
    return InEngine(
        id=data["Id"],
        size=data["Size"],
        created=data["Created"],
        platform=f"{data['Os']}/{data['Architecture']}",
        tags=tuple(data.get("RepoTags") or ()),
        digests=tuple(data.get("RepoDigests") or ()),
    )


def by_digest(reference: str) -> str:
    """As the engine takes it: a tag beside a digest is for people."""
    if "@" not in reference:
        return reference
    return f"{by_tag(reference).rpartition(':')[0]}@{reference.partition('@')[2]}"


def by_tag(reference: str) -> str:
    """A reference without its digest, with a tag."""
    name = reference.partition("@")[0]
    tagged = ":" in name.rpartition("/")[2]
    return name if tagged else f"{name}:latest"


def prefixed(reference: str, registry: str) -> str:
    """A reference under a registry's prefix.

    Raises:
        UsageError: the prefix is none.
    """
    final = with_registry(reference, registry)
    try:
        split_image(final)
    except BlueprintError:
        hint = "a host and maybe a path, such as registry.example.com/mirror; no https://, user or password"
        raise UsageError("this is no registry prefix", code="bad-registry", hint=hint) from None
    return final


def tag_image(client: docker.DockerClient, reference: str, also: str) -> None:
    """Give an image another reference.

    Raises:
        OperationError: the engine refuses.
    """
    repository, _, tag = by_tag(also).rpartition(":")
    with refused(f"{reference} cannot be tagged as {also}", code="tag-failed"):
        client.api.tag(by_digest(reference), repository, tag)


def pull(
    client: docker.DockerClient,
    reference: str,
    report: Report,
    *,
    platform: str = "",
    login: Mapping[str, str] | None = None,
) -> None:
    """Have the engine pull an image; ``login`` has ``username`` and ``password`` (default: docker login's).

    Raises:
        OperationError: it cannot: ``registry-denied``, ``no-such-image``, ``pull-failed``.
    """
    report(f"pulling {reference}")
    repository, _, tag = by_tag(reference).rpartition(":")
    tag = reference.partition("@")[2] or tag
    what = f"{reference} cannot be pulled"
    try:
        with refused(what, code="pull-failed"):
            messages = client.api.pull(
                repository,
                tag=tag,
                stream=True,
                decode=True,
                platform=platform or None,
                auth_config=dict(login) if login else None,
            )
            _follow(messages, what, "pull-failed")
    except OperationError as error:
        if error.code == "pull-failed":
            error.code, error.hint = _why(error, reference, own_account=bool(login))
        raise


def push_image(client: docker.DockerClient, reference: str, report: Report) -> str:
    """Push a reference that the engine has to its registry; returns the digest that the registry gave.

    Raises:
        OperationError: the registry or the engine refuses.
    """
    report(f"pushing {reference}")
    repository, _, tag = by_tag(reference).rpartition(":")
    what = f"{reference} cannot be pushed"
    with refused(what, code="push-failed", hint=_LOGIN):
        messages = client.api.push(repository, tag=tag, stream=True, decode=True)
        digest = _follow(messages, what, "push-failed")
    if not digest:
        raise OperationError(f"{what}: the registry gave no digest", code="push-failed")
    return digest


def load_images(client: docker.DockerClient, archive: Path, report: Report) -> list[str]:
    """Load an archive (``docker save``'s) into the engine; returns the references, or ids, of its images.

    Raises:
        OperationError: it cannot be read, or is no such archive.
    """
    report(f"loading {archive}")
    what = "the engine cannot load it"
    loaded: list[str] = []
    try:
        with archive.open("rb") as file, _located(archive), refused(what, code="load-failed"):
            for message in client.api.load_image(file):
                _check(message, what, "load-failed")
                text = str(message.get("stream") or "").strip()
                if text.startswith("Loaded image"):
                    loaded.append(text.partition(": ")[2])
    except OSError as error:
        place = Location(str(archive))
        message = f"cannot be read: {error.strerror or error}"
        raise OperationError(message, code="not-readable", location=place) from None
    if not loaded:
        hint = "opea-pulumi export-images APP --save FILE makes one"
        raise OperationError(
            "it holds no image", code="load-failed", location=Location(str(archive)), hint=hint
        )
    return loaded


_DENIED = re.compile(r"unauthorized|denied|no basic auth|authentication required|\b40[13]\b")
_UNKNOWN = ("manifest unknown", "not found", "no such image", "name unknown")


def _why(error: OperationError, reference: str, *, own_account: bool) -> tuple[str, str]:
    """The code and the hint for what a registry, or the engine about one, said."""
    said, registry = error.message.lower(), split_image(reference)[0]
    if _DENIED.search(said):
        account = "OPEA_REGISTRY_USER and OPEA_REGISTRY_PASSWORD"
        if own_account:
            return "registry-denied", f"{registry} refuses the account of {account} (or the stack's config)"
        return (
            "registry-denied",
            f"docker login {registry}; or, for the registry in image_registry, set {account}",
        )
    if any(word in said for word in _UNKNOWN):
        return "no-such-image", f"push it to {registry}, or correct its name"
    return "pull-failed", error.hint or f"can the engine reach {registry}?"


_LOGIN = "a registry that wants credentials takes those of docker login"


@contextmanager
def _located(file: Path) -> Iterator[None]:
    """Errors inside are about this file."""
    try:
        yield
    except OperationError as error:
        error.location = error.location or Location(str(file))
        raise


def _follow(messages: Iterable[dict[str, Any]], what: str, code: str) -> str:
    """Read to the end; returns the digest that one of the messages gives."""
    digest = ""
    for message in messages:
        _check(message, what, code)
        aux = message.get("aux")
        if isinstance(aux, dict) and aux.get("Digest"):
            digest = str(aux["Digest"])
    return digest


def _check(message: dict[str, Any], what: str, code: str) -> None:
    if "error" not in message:
        return
    said = str(message["error"]).strip()
    hint = _LOGIN if code != "load-failed" else ""
    if "HTTP response to HTTPS client" in said:
        hint = (
            'the engine takes a registry without TLS only if its daemon.json has it in "insecure-registries"'
        )
    raise OperationError(f"{what}: {said}", code=code, hint=hint)
