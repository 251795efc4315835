"""A Pulumi plugin `docker` in Python, for tests: pulumi-docker 5's types on a real Docker engine.

The vendor's plugin cannot be had where CI runs. This one has its property names, defaults, computed outputs,
replacements and error texts (`schema.yaml`), and talks to the engine by docker-py.

    with attached() as providers:
        monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", providers)

With `OPEA_TEST_DOCKER_PLUGIN=vendor` nothing is attached: the engine finds the vendor's plugin itself.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def vendor() -> bool:
    """Whether the vendor's own plugin is to be used."""
    return os.environ.get("OPEA_TEST_DOCKER_PLUGIN") == "vendor"


@contextmanager
def attached() -> Iterator[str]:
    """The value of `PULUMI_DEBUG_PROVIDERS` for a plugin that runs until the end of the block."""
    if vendor():
        yield ""
        return
    command = [sys.executable, "-m", __name__]
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port.isdecimal(), f"the plugin does not start: {command}"
            yield f"docker:{port}"
        finally:
            process.terminate()
            process.wait(20)
