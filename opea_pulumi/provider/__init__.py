"""``pulumi-resource-opea``: the Pulumi plugin that hosts the components and the local custom resources.

The engine starts it, reads the port of its gRPC server from the first line it prints, and talks the resource
provider protocol to it. ``opea:index:Process`` and ``opea:index:LocalVolume`` are served here; component
classes come from the entry points of the group ``opea_pulumi.components``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opea_pulumi.provider._ports import Holder

__all__ = ["listener", "main", "port_holder"]


def main() -> None:
    """Serve the plugin until the engine ends it (the console script ``pulumi-resource-opea``)."""
    from importlib.util import find_spec

    if find_spec("pulumi") is None or find_spec("psutil") is None:
        raise SystemExit("pulumi-resource-opea needs more packages: pip install 'opea-pulumi[engine]'")
    from opea_pulumi.provider._serve import main as serve

    serve()


def port_holder(port: int) -> Holder | None:
    """Who listens on a TCP port of this machine; ``None`` when it is free."""
    from opea_pulumi.provider._ports import holder

    return holder(port)


def listener(port: int, address: str) -> Holder:
    """Who listens on a TCP port that is not free at an address, as far as the system tells."""
    from opea_pulumi.provider._ports import listener_at

    return listener_at(port, address)
