"""Makes what tests would make while they run: engines, judges of generated files, hosts of other
languages, Docker, its base image.

`.ci/run` calls it before `make test`, so that no test's patience is spent on a compiler.
"""

import contextlib

import docker_engine
import docker_images
from tools import GO, PYTHON, program_of

from opea_pulumi.engine import MINIMUM, PINNED, Home, install

if __name__ == "__main__":
    for version in (PINNED, MINIMUM):
        print(f"engine {install(Home.from_environment(), version=version, report=print).version}")
    for name in sorted({*GO, *PYTHON} - {"kompose"}):  # that one is a benchmark's
        print(program_of(name))
    try:
        with contextlib.closing(docker_engine.client()) as docker:
            print(f"docker {docker.version()['Version']}, {docker_images.base(docker)}")
    except docker_engine.LackingError as error:
        print(f"no Docker engine: {error}")
        if docker_engine.required():
            raise SystemExit(1) from None
