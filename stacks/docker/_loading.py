"""How far the steps are that load weights: what their containers have received, said while `up` waits.

The steps print nothing of use to others (their bars are for terminals), so their network's counters are read.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.catalog import models
from opea_pulumi.docker_engine import connect
from opea_pulumi.terms import PROJECT

_EVERY = 1.0
_SAID_EVERY = 5.0
_PATIENCE = 4 * 3600.0
_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def follow_loading(blueprint: Blueprint, stack: str, say: Callable[[str], object]) -> None:
    """Say now and then what each step has received, until the program ends; returns at once."""
    steps = {item.name: item.model for item in blueprint.workloads if item.role == "prefetch"}
    if not steps:
        return
    follower = _Follower(steps, stack, say, asyncio.get_running_loop())
    # the program's settings, and so its engine, are in its context
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(follower.run,), daemon=True).start()


class _Follower:
    def __init__(
        self,
        steps: Mapping[str, str],
        stack: str,
        say: Callable[[str], object],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._steps = steps
        self._labels = [f"opea.project={PROJECT}", f"opea.stack={stack}"]
        self._say = say
        self._loop = loop
        self._said: dict[str, tuple[float, int]] = {}
        """When something was said of each container, and of how many bytes."""

    def run(self) -> None:
        end = time.monotonic() + _PATIENCE
        try:
            with closing(connect()) as client:
                while not self._loop.is_closed() and time.monotonic() < end:
                    for row in client.api.containers(filters={"label": self._labels}):
                        self._look(client, row)
                    time.sleep(_EVERY)
        except Exception:  # noqa: BLE001, S110 - only figures are lost; what is wrong the update itself tells
            pass

    def _look(self, client: Any, row: Mapping[str, Any]) -> None:
        step = row["Labels"].get("opea.workload", "")
        if step not in self._steps:
            return
        networks = client.api.stats(row["Id"], stream=False, one_shot=True).get("networks") or {}
        received = sum(int(each["rx_bytes"]) for each in networks.values())
        when, before = self._said.get(row["Id"], (0.0, -1))
        now = time.monotonic()
        if received == before or now - when < _SAID_EVERY:
            return
        self._said[row["Id"]] = now, received
        self._say(f"{step}: {self._steps[step]}: {size(received)} received{_of(self._steps[step])}")


def _of(model: str) -> str:
    known = models().get(model)
    return f" of about {size(known.parameters * 10**9 * known.bytes_per_parameter)}" if known else ""


def size(number: float) -> str:
    """Bytes for people: ``1.4 GB``."""
    for unit, factor in _UNITS:
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number:.0f} B"
