"""A Pulumi plugin `docker` in Python, for tests: pulumi-docker 5's types on a real Docker engine.

The vendor's plugin cannot be had where CI runs. This one has its property names, defaults, computed outputs,
replacements and error texts (`schema.yaml`), and talks to the engine by docker-py.

    with attached() as environment:
        os.environ |= environment

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
def attached() -> Iterator[dict[str, str]]:
    """The environment with which an engine uses a plugin that runs until the end of the block.

    Without the second variable the engine looks for the vendor's plugin first, which takes it three seconds.
    """
    if vendor():
        yield {}
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
            yield {
                "PULUMI_DEBUG_PROVIDERS": f"docker:{port}",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            }
        finally:
            process.terminate()
            process.wait(20)
