"""Status and logs of a Docker stack, as its engine tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from ssl import SSLContext
from typing import Any

from opea_pulumi.docker_engine import connect, engine_address
from opea_pulumi.errors import OperationError
from opea_pulumi.targets import WorkloadStatus, unknown_workload

from ._transport import ContainerTransport

_CONTAINER = "docker:index/container:Container"
_VOLUME = "docker:index/volume:Volume"


class DockerOperations:
    """The operations of one Docker stack, from its outputs and its exported resources, in start order."""

    def __init__(self, outputs: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> None:
        self._endpoints = {str(name): str(url) for name, url in outputs["endpoints"].items()}
        self._data = [row["urn"] for row in resources if row["type"] == _VOLUME and _holds_data(row)]
        rows = [row["outputs"] for row in resources if row["type"] == _CONTAINER]
        found = {
            labels["opea.workload"]: str(row["name"])
            for row in rows
            if "opea.role" not in (labels := _labels(row)) and "opea.workload" in labels
        }
        place = {name: index for index, name in enumerate(outputs.get("workloads") or ())}
        self._ports = {str(row["name"]): row.get("ports") or () for row in rows}
        self._containers = {name: found[name] for name in sorted(found, key=lambda name: place.get(name, -1))}

    def status(self) -> list[WorkloadStatus]:
        """Every workload; of the steps that run once only those that failed."""
        with closing(connect()) as client:
            found = {name: _inspect(client, called) for name, called in self._containers.items()}
        known = [self._status(name, state) for name, state in found.items() if not _done(state)]
        gone = [name for name in self._endpoints if name not in self._containers]
        return [*known, *(WorkloadStatus(name, "stopped", self._endpoints[name]) for name in gone)]

    def logs(self, workload: str, *, tail: int, follow: bool) -> Iterator[str]:
        """Lines of a container's log, without line ends.

        Raises:
            OperationError: the stack has no such workload, or its container is gone.
        """
        if workload not in self._containers:
            raise unknown_workload(workload, self._containers)
        with closing(connect()) as client:
            if _inspect(client, self._containers[workload]) is None:
                message = f"the container of {workload} is gone"
                raise OperationError(message, code="no-log", hint="opea-pulumi up makes it again")
            stream = client.api.logs(self._containers[workload], tail=tail, stream=True, follow=follow)
            yield from _lines(stream)

    def data(self) -> list[str]:
        """The volumes, but for those with secrets."""
        return self._data

    def transport(self, verify: SSLContext | bool = True) -> ContainerTransport | None:
        """Through the container that runs the flow: nothing but one port is published, and on another host
        that is on its loopback.
        """
        runs = next((name for name in ("router", "megaservice") if name in self._containers), None)
        if runs is None:
            return None
        inside = {name for name, url in self._endpoints.items() if url.startswith(f"http://{name}:")}
        here = engine_address().is_local
        own = (
            {}
            if here
            else {int(row["external"]): int(row["internal"]) for row in self._ports[self._containers[runs]]}
        )
        return ContainerTransport(self._containers[runs], inside, verify, own)

    def _status(self, name: str, state: Mapping[str, Any] | None) -> WorkloadStatus:
        url = self._endpoints.get(name, "")
        if state is None:
            return WorkloadStatus(name, "stopped", url, "", "the container is gone")
        word, detail = _state(state["State"])
        return WorkloadStatus(name, word, url, str(state["State"]["StartedAt"]), detail)


def _labels(outputs: Mapping[str, Any]) -> dict[str, str]:
    return {str(row["label"]): str(row["value"]) for row in outputs.get("labels") or ()}


def _holds_data(volume: Mapping[str, Any]) -> bool:
    return "opea.role" not in _labels(volume["outputs"])


def _inspect(client: Any, name: str) -> Mapping[str, Any] | None:
    from docker.errors import NotFound

    try:
        found: Mapping[str, Any] = client.api.inspect_container(name)
    except NotFound:
        return None
    return found


def _done(container: Mapping[str, Any] | None) -> bool:
    """Whether it is a step that ran to its good end."""
    if container is None:
        return False
    once = container["HostConfig"]["RestartPolicy"]["Name"] in ("", "no", "on-failure")
    state = container["State"]
    return bool(once and state["Status"] == "exited" and state["ExitCode"] == 0)


def _state(state: Mapping[str, Any]) -> tuple[str, str]:
    """A word of :class:`WorkloadStatus`, and what the engine adds."""
    if not state["Running"]:
        return "stopped", f"{state['Status']}, exit code {state['ExitCode']}" + (
            ", out of memory" if state.get("OOMKilled") else ""
        )
    health = (state.get("Health") or {}).get("Status", "healthy")
    return ("running" if health == "healthy" else "unhealthy"), f"pid {state['Pid']}, {health}"


def _lines(stream: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in stream:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode("utf-8", "replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
