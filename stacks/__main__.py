"""The program that plain `pulumi up` runs in a clone (Pulumi.yaml: `main: stacks/`)."""

import sys
from pathlib import Path

# run as a program, this folder comes first on the path, and `import docker` would find our folders
_HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]

from opea_pulumi.stacks.program import run  # noqa: E402

run(_HERE.parent)
