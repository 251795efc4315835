"""What the engine has already, where a program must know it: ports in use, steps that failed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from typing import Any

from opea_pulumi.docker_engine import can_listen, connect, containers_by_name, engine_address
from opea_pulumi.errors import OperationError

_ATTEMPT = "opea.attempt"


class Present:
    """Reads the engine once; when there is none, nothing is present (the provider will say so)."""

    @cached_property
    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """Every container by its name, as ``docker inspect`` shows it."""
        try:
            client = connect()
        except OperationError:
            return {}
        with closing(client):
            return containers_by_name(client)

    def attempt(self, name: str) -> dict[str, str]:
        """A label for a step that runs once: a new one if the last run failed, so that it runs again."""
        last = self.containers.get(name)
        if last is None:
            return {}
        known = (last["Config"].get("Labels") or {}).get(_ATTEMPT, "")
        failed = last["State"]["Status"] == "exited" and last["State"]["ExitCode"] != 0
        number = str(int(known or "0") + 1) if failed else known
        return {"attempt": number} if number else {}

    def failure(self, name: str) -> str | None:
        """How a step that runs once failed; empty when it did not, ``None`` while it may still try again."""
        try:
            client = connect()
        except OperationError:
            return ""
        with closing(client):
            return _failure(client, name)

    def port(self, name: str, address: str, usual: int) -> int:
        """The host's port for a container: the one it has, else the usual one or the next free."""
        own = self.containers.get(name)
        held = _published(own) if own else []
        if held:
            return held[0]
        taken = {port for other in self.containers.values() for port in _published(other)}
        return next(port for port in range(usual, 65536) if port not in taken and _free(address, port))


def _failure(client: Any, name: str) -> str | None:
    from docker.errors import NotFound

    try:
        state = client.api.inspect_container(name)["State"]
        if state["Status"] in ("running", "restarting"):
            return None
        if state["Status"] != "exited" or state["ExitCode"] == 0:
            return ""
        log = client.api.logs(name, tail=1).decode("utf-8", "replace").strip()
    except NotFound:
        return ""
    return f"{name} ended with exit code {state['ExitCode']}" + (f": {log[:300]}" if log else "")


def _published(container: Mapping[str, Any]) -> list[int]:
    bindings = (container.get("HostConfig") or {}).get("PortBindings") or {}
    return [int(row["HostPort"]) for rows in bindings.values() for row in rows or () if row.get("HostPort")]


def _free(address: str, port: int) -> bool:
    """Whether this host would listen there; of another host only its containers are known."""
    return not engine_address().is_local or can_listen(address, port)
