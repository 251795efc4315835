"""Every container that the engine has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import docker


def containers_by_name(client: docker.DockerClient) -> Mapping[str, Mapping[str, Any]]:
    """Every container by its name, as ``docker inspect`` shows it; those that go meanwhile are left out."""
    from docker.errors import NotFound

    found = {}
    for row in client.api.containers(all=True):
        with suppress(NotFound):
            if row["Names"]:
                found[row["Names"][0].lstrip("/")] = client.api.inspect_container(row["Id"])
    return found
