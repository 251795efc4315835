"""docker_container: create with uploads and the wait for health, read, the little that updates, delete."""

import base64
import grp
import io
import pwd
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from docker.errors import APIError, NotFound

from . import container_body, container_state
from .connection import Connection, ProviderError, daemon
from .fields import Values, canonical, types
from .images import find

UNHEALTHY = "container failed to be in healthy state"
NO_HEALTHCHECK = (
    "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
    "Please remove the 'wait' argument or add a 'healthcheck' attribute"
)
_POLL = 0.2
_UPDATED = ("restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap")
_UPDATED_RATES = ("deviceReadBps", "deviceReadIops", "deviceWriteBps", "deviceWriteIops")


class Limits(Protocol):
    """How long an operation may take."""

    timeout: float
    """Seconds; 20 minutes unless the resource has custom timeouts."""

    def going(self) -> bool:
        """Whether the engine still waits for the answer."""


@dataclass
class PartialError(Exception):
    """A container was made, but the rest failed: it stands in the state, with the reason."""

    identifier: str
    state: Values
    reason: str


class Container:
    """docker_container."""

    def create(self, at: Connection, inputs: Values, limits: Limits) -> tuple[str, Values]:
        try:
            find(at, inputs["image"])
        except ProviderError as error:
            raise ProviderError(
                f"Unable to create container with image {inputs['image']}: {error}"
            ) from error
        try:
            made = at.api.create_container_from_config(
                container_body.body(inputs), inputs["name"], inputs.get("platform")
            )["Id"]
        except APIError as error:
            raise ProviderError(f"Unable to create container: {daemon(error)}") from error
        try:
            self._furnish(at, made, inputs, limits)
        except ProviderError as error:
            raise PartialError(made, inputs, str(error)) from error
        logs = {"containerLogs": self._attached(at, made, inputs)} if inputs.get("attach") else {}
        return made, (self.read(at, made, inputs) or inputs) | logs

    def _furnish(self, at: Connection, made: str, inputs: Values, limits: Limits) -> None:
        _connect(at, made, inputs.get("networksAdvanced") or [])
        for upload in inputs.get("uploads") or []:
            _upload(at, made, upload)
        if not inputs.get("start", True):
            return
        try:
            at.api.start(made)
        except APIError as error:
            raise ProviderError(f"Unable to start container: {daemon(error)}") from error
        if inputs.get("wait"):
            _until_healthy(at, made, min(inputs.get("waitTimeout") or 60, limits.timeout), limits)

    @staticmethod
    def _attached(at: Connection, made: str, inputs: Values) -> str | None:
        at.api.wait(made, condition="not-running")
        return at.api.logs(made).decode(errors="replace") if inputs.get("logs") else None

    def read(self, at: Connection, identifier: str, state: Values) -> Values | None:
        try:
            seen = at.api.inspect_container(identifier)
        except NotFound:
            return None
        read = container_state.state(seen, state)
        if str(state.get("image", "")).startswith("sha256:"):
            read["image"] = seen["Image"]
        return read

    def update(self, at: Connection, identifier: str, state: Values, inputs: Values) -> Values:
        try:
            if not state.get("mustRun", True) and inputs.get("mustRun", True) and inputs.get("start", True):
                at.api.start(identifier)
            if any(_changed(name, state, inputs) for name in (*_UPDATED, *_UPDATED_RATES)):
                body = {
                    **container_body.resources(inputs),
                    "RestartPolicy": container_body.restart_policy(inputs),
                }
                url = at.api._url("/containers/{0}/update", identifier)
                at.api._result(at.api._post_json(url, data=body))
        except APIError as error:
            raise ProviderError(f"Unable to update a container: {daemon(error)}") from error
        return {**state, **inputs}

    def delete(self, at: Connection, identifier: str, state: Values) -> None:
        try:
            if not state.get("attach"):
                at.api.stop(identifier, timeout=state.get("destroyGraceSeconds") or 0)
            at.api.remove_container(identifier, v=bool(state.get("removeVolumes", True)), force=True)
        except NotFound:
            return
        except APIError as error:
            if "is already in progress" not in str(error.explanation):
                raise ProviderError(f"Error deleting container {identifier}: {daemon(error)}") from error
        _until_gone(at, identifier)


def _changed(name: str, state: Values, inputs: Values) -> bool:
    fact = types()["docker:index/container:Container"].properties[name]
    return bool(canonical(fact, state.get(name)) != canonical(fact, inputs.get(name)))


def _connect(at: Connection, made: str, networks: list[Values]) -> None:
    if not networks:
        return
    try:
        at.api.disconnect_container_from_network(made, "bridge")
    except APIError as error:
        if "is not connected to" not in str(error.explanation):
            raise ProviderError(f"Unable to disconnect the default network: {daemon(error)}") from error
    for entry in networks:
        name = entry["name"]
        try:
            at.api.connect_container_to_network(
                made,
                name,
                aliases=entry.get("aliases"),
                ipv4_address=entry.get("ipv4Address"),
                ipv6_address=entry.get("ipv6Address"),
                link_local_ips=entry.get("linkLocalIps"),
                mac_address=entry.get("macAddress"),
                driver_opt=dict(option.split("=", 1) for option in entry.get("driverOpts") or []) or None,
            )
        except APIError as error:
            raise ProviderError(f"Unable to connect to network '{name}': {daemon(error)}") from error


def _upload(at: Connection, made: str, upload: Values) -> None:
    given = [name for name in ("content", "contentBase64", "source") if upload.get(name)]
    if not given:
        raise ProviderError(
            "error with upload content: one of 'content', 'content_base64', or 'source' must be set"
        )
    if len(given) > 1:
        names = "'content', 'content_base64', or 'source'"
        raise ProviderError(f"error with upload content: only one of {names} can be set")
    content = _content(given[0], upload[given[0]])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(upload["file"])
        entry.size, entry.mtime = len(content), time.time()
        entry.mode = int(upload.get("permissions") or ("744" if upload.get("executable") else "644"), 8)
        entry.uid, entry.gid = _number(upload.get("owner"), _user), _number(upload.get("group"), _group)
        archive.addfile(entry, io.BytesIO(content))
    try:
        at.api.put_archive(made, "/", packed.getvalue())
    except APIError as error:
        raise ProviderError(f"Unable to upload volume content: {daemon(error)}") from error


def _content(kind: str, value: str) -> bytes:
    if kind == "contentBase64":
        return base64.b64decode(value)
    if kind == "content":
        return value.encode()
    try:
        return Path(value).read_bytes()
    except OSError as error:
        raise ProviderError(f"could not read file: {error}") from error


def _number(name: str | None, look_up: Any) -> int:
    if not name:
        return 0
    return int(name) if name.isdecimal() else look_up(name)


def _user(name: str) -> int:
    return pwd.getpwnam(name).pw_uid


def _group(name: str) -> int:
    return grp.getgrnam(name).gr_gid


def _until_healthy(at: Connection, made: str, timeout: float, limits: Limits) -> None:
    deadline = time.monotonic() + timeout
    while True:
        try:
            health = at.api.inspect_container(made)["State"].get("Health")
        except APIError as error:
            raise ProviderError(f"error inspecting container state: {daemon(error)}") from error
        if health is None:
            raise ProviderError(NO_HEALTHCHECK)
        if health["Status"] == "healthy":
            return
        if time.monotonic() > deadline or not limits.going():
            raise ProviderError(UNHEALTHY)
        time.sleep(_POLL)


def _until_gone(at: Connection, identifier: str) -> None:
    """Wait for the removal that somebody else may have begun."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            at.api.inspect_container(identifier)
        except NotFound:
            return
        time.sleep(_POLL)
    raise ProviderError(f"Error waiting for container removal '{identifier}': it is still there")
