"""What this machine has for processes of the embedded profile."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.catalog import load_release
from opea_pulumi.targets import Check
from opea_pulumi.terms import Profile

from .._preflight import extras_check
from .preflight import NEEDS

_GIB = 2**30
_MEMORY = 1.5
"""GiB that the embedded ChatQnA takes, all processes together, with some room (measured: 0.9)."""


def checks() -> Iterator[Check]:
    """The packages; with them, memory and the router's usual port."""
    packages = extras_check("local", NEEDS)
    yield packages
    if packages.state == "ok":
        yield _memory()
        yield _port()


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available / _GIB
    detail = f"{free:.1f} GiB are free"
    if free < _MEMORY:
        return Check("memory", "hint", detail, f"an application takes up to {_MEMORY} GiB")
    return Check("memory", "ok", detail)


def _port() -> Check:
    from opea_pulumi.provider import port_holder

    port = load_release(Profile.EMBEDDED.value).router.port
    holder = port_holder(port)
    if holder is None:
        return Check("port", "ok", f"{port}, the usual one, is free")
    return Check("port", "hint", f"{port}, the usual one, is taken by {holder}", "up takes the next free one")
