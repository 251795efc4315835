"""Runs one Pulumi program; started by the language host with the program's own Python.

Imports nothing of this project: the program's virtual environment may not hold it. Arguments:
the settings of ``pulumi.runtime.Settings`` as JSON, then the program (a folder or a file). The
configuration comes in PULUMI_CONFIG and PULUMI_CONFIG_SECRET_KEYS, as from the vendor's host.
"""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SHOWN = 32
"""Exit code: the error is in the update's output already (the vendor's number)."""


def main(settings: dict[str, Any], program: str) -> int:
    """Run ``program`` against the engine that ``settings`` name; returns the exit code."""
    try:
        import pulumi
        import pulumi.runtime as runtime
    except ImportError as error:
        sys.stderr.write(
            f"no Pulumi SDK ({error}); run: {sys.executable} -m pip install 'opea-pulumi[engine]'\n"
        )
        return 1
    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    runtime.configure(runtime.Settings(**settings))
    # Unfinished futures of a failed program are no news to its user.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=settings["parallel"] * 4)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(runtime.run_in_stack(lambda: _run(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return SHOWN
    except Exception:  # noqa: BLE001  whatever the user's program raises
        pulumi.log.error("Program failed with an unhandled exception:\n" + _traceback(program))
        return SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def _traceback(program: str) -> str:
    """The traceback from the user's first line on, without ours and the SDK's above it."""
    kind, error, trace = sys.exc_info()
    root = Path(program).resolve()
    inside = [Path(frame.filename) for frame in traceback.extract_tb(trace)]
    first = next((at for at, path in enumerate(inside) if path.is_relative_to(root)), 0)
    return "".join(traceback.format_exception(kind, error, trace, limit=first - len(inside)))


if __name__ == "__main__":
    sys.path[0:1] = []  # this file's folder is no place to import from
    sys.argv[:] = [sys.argv[2], sys.argv[1]]
    _settings = json.loads(sys.argv.pop())
    sys.exit(main(_settings, sys.argv[0]))
