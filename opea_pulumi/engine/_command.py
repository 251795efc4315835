"""Runs ``pulumi`` as a child that a Ctrl-C in the terminal does not reach before us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from opea_pulumi.engine.find import Engine

_GRACE = 8.0  # seconds from the second request to end until it is killed
_DRAIN = 5.0  # seconds to read what is left in its pipes; a plugin that leaked may hold them

OnLine = Callable[[str], Any] | None


class Interrupted(KeyboardInterrupt):
    """An update was cancelled, by Ctrl-C or by ``cancel()``; the engine has ended and saved its state.

    The text says how to go on. A KeyboardInterrupt, so that a command exits with 130.
    """


class EngineCommand(PulumiCommand):
    """The SDK's command, in a session of its own, able to be cancelled and to be fed by stdin."""

    def __init__(self, engine: Engine) -> None:
        # Not super().__init__: it would run `pulumi version` once more.
        self.command = str(engine.path)
        self.version = VersionInfo.parse(engine.version)
        self._child: subprocess.Popen[str] | None = None
        self._requests = 0

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnLine = None,
        on_error: OnLine = None,
        *,
        stdin: str | None = None,
    ) -> CommandResult:
        """Run to the end; see PulumiCommand.run. ``stdin`` is text to feed (secrets are no arguments).

        Raises CommandError when it fails and Interrupted when it was cancelled.
        """
        self._requests = 0
        env = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        out: list[str] = []
        err: list[str] = []
        with subprocess.Popen(
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as child:
            self._child = child
            readers = [_reader(child.stdout, on_output, out), _reader(child.stderr, on_error, err)]
            if child.stdin and stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.write(stdin)
                    child.stdin.close()
            self._wait(child)
            for reader in readers:
                reader.join(_DRAIN)
            self._child = None
        result = CommandResult("\n".join(out), "\n".join(err), child.returncode)
        if self._requests:
            raise Interrupted("cancelled; repeat the command to go on")
        if child.returncode:
            raise create_command_error(result)
        return result

    def cancel(self) -> None:
        """Ask the engine to stop: first it finishes what it has begun, then it is ended, then killed."""
        child = self._child
        if child is None or child.poll() is not None:
            return
        self._requests += 1
        with contextlib.suppress(ProcessLookupError):
            if self._requests > 2:
                child.kill()
                return
            child.send_signal(signal.SIGINT)
        if self._requests == 2:
            timer = threading.Timer(_GRACE, child.kill)
            timer.daemon = True
            timer.start()

    def _wait(self, child: subprocess.Popen[str]) -> None:
        while True:
            try:
                child.wait()
            except KeyboardInterrupt:
                self.cancel()
            else:
                return


def _reader(source: IO[str] | None, callback: OnLine, lines: list[str]) -> threading.Thread:
    def read() -> None:
        for line in source or ():
            lines.append(line.rstrip())
            if callback:
                callback(lines[-1])

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
