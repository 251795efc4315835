"""The plugin as a folder (`pulumi package add <this folder>`): serves what opea_pulumi.provider serves."""

import sys
from pathlib import Path

# run as a program, this folder comes first on the path, and `import docker` would find our folders
_HERE = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _HERE]

if __name__ == "__main__":
    from opea_pulumi.provider import main

    main()
