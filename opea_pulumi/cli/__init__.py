"""The command ``opea-pulumi``: one module a command, loaded when it is called."""

from __future__ import annotations

from ._main import main

__all__ = ["main"]
