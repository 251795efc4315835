"""The program of a stack as the SDK's inline language server runs it: its error, its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from opea_pulumi.errors import OpeaError

_PATIENCE = 3.0  # seconds for the program's event loop to close
_IDLE = 20  # looks, 0.01 s apart, at a loop that nobody runs


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
            told = error.__context__  # what a program of ours told Pulumi as its own error
            self.error = told if isinstance(told, OpeaError) else error
            raise

    def end(self) -> None:
        """Cancel what is left of the program and close its loop."""
        loop, task = self._loop, self._task
        if loop is None or task is None or loop.is_closed():
            return
        if self._engine is not None:
            self._engine.Log = lambda *_arguments: None  # it would tell an engine that is gone
        with contextlib.suppress(RuntimeError):  # closed meanwhile
            loop.call_soon_threadsafe(task.cancel)
            if _left_alone(loop):
                _close(loop)


def _left_alone(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the SDK's thread has left the loop open; false when it has closed it."""
    deadline = time.monotonic() + _PATIENCE
    idle = 0
    while time.monotonic() < deadline and idle < _IDLE:
        if loop.is_closed():
            return False
        idle = 0 if loop.is_running() else idle + 1
        time.sleep(0.01)
    return idle >= _IDLE


def _close(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(lambda _loop, _context: None)  # the SDK's would stop the loop again
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_PATIENCE))
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # seen, so that nobody is told
    loop.close()
