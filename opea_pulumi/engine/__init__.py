"""Finds or installs the Pulumi CLI, and runs stacks with it.

.. code-block:: python

    home = Home.from_environment()
    engine = obtain(home, report=print)             # PATH, the cache, or an installation
    stacks = Stacks(engine, home, report=print)
    stack = stacks.open("chatqna-local", program, create=True)
    progress = Progress()
    stack.up(on_event=progress.feed, refresh=True)  # EngineError, Interrupted

Importing this package imports neither pulumi nor grpc; opening a stack does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opea_pulumi.engine._shims import provider_folder
from opea_pulumi.engine._versions import MINIMUM, PINNED
from opea_pulumi.engine.environment import environment, shell_lines, user_backend
from opea_pulumi.engine.find import Engine, Report, find, obtain
from opea_pulumi.engine.home import Home
from opea_pulumi.engine.install import install
from opea_pulumi.engine.progress import Progress, Row, Summary
from opea_pulumi.engine.stacks import StackInfo, Stacks

if TYPE_CHECKING:
    from opea_pulumi.engine._command import Interrupted
    from opea_pulumi.engine.handle import Resource, StackHandle

__all__ = [
    "MINIMUM",
    "PINNED",
    "Engine",
    "Home",
    "Interrupted",
    "Progress",
    "Report",
    "Resource",
    "Row",
    "StackHandle",
    "StackInfo",
    "Stacks",
    "Summary",
    "environment",
    "find",
    "install",
    "obtain",
    "provider_folder",
    "shell_lines",
    "user_backend",
]

_NEED_PULUMI = {"Interrupted": "_command", "Resource": "handle", "StackHandle": "handle"}


def __getattr__(name: str) -> object:
    if name in _NEED_PULUMI:
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_NEED_PULUMI[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
