"""The program of a stack as the SDK's inline language server runs it: its error, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

_PATIENCE = 3.0  # seconds for the program's event loop to close


class InlineProgram:
    """Calls a program, keeps the error it raises, and ends it when the engine has gone.

    After a failed update the SDK's loop would wait for ever for outputs that never come, in a
    thread that makes noise when the interpreter ends.
    """

    def __init__(self, program: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self._program = program
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._engine: Any = None

    def __call__(self) -> Any:
        """Run the program, in the SDK's event loop. Raises what it raises."""
        from pulumi.runtime.settings import get_engine

        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._engine = get_engine()
        try:
            return self._program()
        except BaseException as error:
            self.error = error
            raise

    def end(self) -> None:
        """Cancel what is left of the program; waits until its loop is closed."""
        loop, task = self._loop, self._task
        if loop is None or task is None or loop.is_closed():
            return
        if self._engine is not None:
            self._engine.Log = lambda *_arguments: None  # it would tell an engine that is gone
        try:
            loop.call_soon_threadsafe(task.cancel)
        except RuntimeError:  # closed meanwhile
            return
        deadline = time.monotonic() + _PATIENCE
        while not loop.is_closed() and time.monotonic() < deadline:
            time.sleep(0.01)
