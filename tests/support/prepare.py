"""Builds what tests would build while they run: both engines, and the judges of generated files.

`.ci/run` calls it before `make test`, so that no test's patience is spent on a compiler.
"""

from tools import GO, PYTHON, program_of

from opea_pulumi.engine import MINIMUM, PINNED, Home, install

if __name__ == "__main__":
    for version in (PINNED, MINIMUM):
        print(f"engine {install(Home.from_environment(), version=version, report=print).version}")
    for name in sorted({*GO, *PYTHON} - {"kompose"}):  # that one is a benchmark's
        print(program_of(name))
