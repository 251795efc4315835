"""RemoteImage (docker_image), and pulumi-docker's own Image."""

import hashlib
import platform
from pathlib import Path
from typing import Any

from docker.errors import APIError, BuildError, ImageNotFound
from docker.utils import build as tarring
from docker.utils.json_stream import json_stream

from .connection import Connection, ProviderError, daemon, host
from .fields import Values

_HUB = "registry-1.docker.io"


def find(at: Connection, name: str, platform_name: str = "") -> Values:
    """The image of that name here, else pulled. Raises ProviderError."""
    if not name:
        raise ProviderError("empty image name is not allowed")
    if seen := local(at, name):
        return seen
    _pull(at, name, platform_name)
    if seen := local(at, name):
        return seen
    raise ProviderError(f"unable to find or pull image {name}")


def local(at: Connection, name: str) -> Values | None:
    """What the engine knows of an image."""
    try:
        return dict(at.api.inspect_image(name))
    except ImageNotFound:
        return None


def _pull(at: Connection, name: str, platform_name: str) -> None:
    try:
        answer = at.api.pull(
            name,
            tag=None if _tagged(name) else "latest",
            auth_config=at.accounts.get(registry(name)) or {},
            platform=platform_name or None,
            stream=True,
        )
        for _ in answer:  # errors within the answer are not looked at: the image is just not there then
            pass
    except APIError as error:
        raise ProviderError(
            f"unable to pull image {name}: error pulling image {name}: {daemon(error)}"
        ) from error


def registry(name: str) -> str:
    """The registry of an image's name; Docker Hub's when it names none."""
    first, slash, rest = name.partition("/")
    named = slash and ("/" in rest or any(mark in first for mark in ".:") or first == "localhost")
    return host(first) if named else _HUB


def _tagged(name: str) -> bool:
    return ":" in name.rpartition("/")[2] or "@" in name


def _digest(name: str, seen: Values) -> str:
    """The digest of the repository that the name is of."""
    digests = seen.get("RepoDigests") or []
    own = [digest for digest in digests if digest.startswith(name.partition(":")[0])]
    return str((own if len(digests) > 1 and own else digests or [""])[0])


class RemoteImage:
    """docker_image."""

    def create(self, at: Connection, inputs: Values, _limits: Any) -> tuple[str, Values]:
        name = inputs["name"]
        if inputs.get("build"):
            _built_remote(at, name, inputs["build"])
        try:
            seen = find(at, name, inputs.get("platform", ""))
        except ProviderError as error:
            raise ProviderError(f"Unable to read Docker image into resource: {error}") from error
        return seen["Id"] + name, self._state(inputs, name, seen)

    def read(self, at: Connection, _identifier: str, state: Values) -> Values | None:
        seen = local(at, state.get("name", ""))
        return None if seen is None else self._state(state, state["name"], seen)

    def update(self, at: Connection, _identifier: str, _state: Values, inputs: Values) -> Values:
        return self.create(at, {**inputs, "build": None}, None)[1] | {"build": inputs.get("build")}

    def identifier(self, state: Values) -> str:
        """The id that a read gives: the image may be another one now."""
        return f"{state['imageId']}{state['name']}"

    def delete(self, at: Connection, _identifier: str, state: Values) -> None:
        name = state["name"]
        if state.get("keepLocally") or local(at, name) is None:
            return
        try:
            at.api.remove_image(name, force=bool(state.get("forceRemove")))
        except APIError as error:
            raise ProviderError(f"Unable to remove Docker image: {daemon(error)}") from error

    @staticmethod
    def _state(values: Values, name: str, seen: Values) -> Values:
        return {**values, "imageId": seen["Id"], "repoDigest": _digest(name, seen)}


def _built_remote(at: Connection, name: str, build: Values) -> None:
    context = Path(build["context"]).expanduser().resolve()
    made = _build(
        at,
        context,
        build.get("dockerfile") or "Dockerfile",
        tag=name,
        buildargs=build.get("buildArgs"),
        target=build.get("target"),
        labels={**(build.get("labels") or {}), **(build.get("label") or {})},
        nocache=bool(build.get("noCache")),
        pull=bool(build.get("pullParent")),
        platform=build.get("platform"),
        network_mode=build.get("networkMode"),
    )
    for tag in build.get("tags") or []:
        at.api.tag(made, *tag.rsplit(":", 1))


def _build(at: Connection, context: Path, dockerfile: str, **options: Any) -> str:
    """Build with the engine's first builder; the image's id. Raises ProviderError."""
    answer = at.api.build(
        path=str(context),
        dockerfile=dockerfile,
        rm=True,
        forcerm=True,
        **{k: v for k, v in options.items() if v},
    )
    made, last = "", ""
    try:
        for event in json_stream(answer):
            if "error" in event:
                raise ProviderError(f"{last}{event['error']}")
            last = event.get("stream", last)
            made = event.get("aux", {}).get("ID", made)
    except (APIError, BuildError) as error:
        raise ProviderError(str(error)) from error
    return made


class Image:
    """pulumi-docker's own Image: built again whenever its inputs or its context change, never deleted."""

    def check(self, inputs: Values) -> Values:
        """The inputs with defaults, and the digest of the context."""
        build = dict(inputs.get("build") or {})
        build.setdefault("context", ".")
        build.setdefault("dockerfile", str(Path(build["context"]) / "Dockerfile"))
        build.setdefault(
            "platform", f"linux/{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine()) }"
        )
        if not Path(build["dockerfile"]).exists():
            raise ProviderError(f'could not open dockerfile at relative path "{build["dockerfile"]}"')
        build["contextDigest"] = _context_digest(Path(build["context"]), Path(build["dockerfile"]))
        return {**inputs, "build": build, "buildOnPreview": bool(inputs.get("buildOnPreview"))}

    def create(self, at: Connection, inputs: Values, _limits: Any) -> tuple[str, Values]:
        build, name = inputs["build"], inputs["imageName"]
        context, dockerfile = Path(build["context"]).resolve(), Path(build["dockerfile"]).resolve()
        made = _build(
            at,
            context,
            str(dockerfile),
            tag=name,
            buildargs=build.get("args"),
            target=build.get("target"),
            platform=build.get("platform") if _other(build.get("platform")) else None,
            network_mode=build.get("network"),
        )
        outputs = {
            "dockerfile": build["dockerfile"],
            "context": build["context"],
            "baseImageName": name,
            "registryServer": (inputs.get("registry") or {}).get("server", ""),
            "imageName": name,
            "platform": build.get("platform"),
            "repoDigest": made or (local(at, name) or {})["Id"],
        }
        if not inputs.get("skipPush"):
            outputs["repoDigest"] = _pushed(at, name, inputs.get("registry") or {})
        return name, outputs

    def read(self, _at: Connection, _identifier: str, state: Values) -> Values | None:
        return state

    def update(self, at: Connection, _identifier: str, _state: Values, inputs: Values) -> Values:
        return self.create(at, inputs, None)[1]

    def delete(self, _at: Connection, _identifier: str, _state: Values) -> None:
        """Nothing: the vendor's does not delete images either."""


def _other(name: str | None) -> bool:
    return bool(name) and platform.machine() not in (name or "") and "amd64" not in (name or "")


def _pushed(at: Connection, name: str, account: Values) -> str:
    sign_in = {k: account[k] for k in ("username", "password") if account.get(k)}
    digest = ""
    for event in at.api.push(name, auth_config=sign_in, stream=True, decode=True):
        if "error" in event:
            raise ProviderError(f"error reading push output: {event['error']}")
        digest = event.get("aux", {}).get("Digest", digest)
    return f"{name.rpartition(':')[0] or name}@{digest}"


def _context_digest(context: Path, dockerfile: Path) -> str:
    ignore = context / ".dockerignore"
    patterns = ignore.read_text().splitlines() if ignore.exists() else []
    digest = hashlib.sha256(dockerfile.read_bytes())
    for name in sorted(tarring.exclude_paths(str(context), [line for line in patterns if line.strip()])):
        file = context / name
        digest.update(f"\0{name}\0{file.lstat().st_mode:o}\0".encode())
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()
