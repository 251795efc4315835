"""``python gate_command.py FOLDER``: brings up stack ``gated`` with the newest engine, as the command does."""

from __future__ import annotations

import sys

from opea_pulumi.engine import Home, Interrupted, Stacks, install
from opea_pulumi.errors import EngineError


def program() -> None:
    import pulumi

    class Gate(pulumi.CustomResource):
        def __init__(self, name: str, folder: str) -> None:
            super().__init__("gate:index:Gate", name, {"folder": folder})

    Gate("gate", sys.argv[1])


def main() -> int:
    home = Home.from_environment()
    stacks = Stacks(install(home), home, report=lambda line: print("told:", line, flush=True))
    try:
        print("changes:", dict(stacks.open("gated", program, create=True).up().changes))
    except Interrupted as stop:
        print(stop)
        return 130
    except EngineError as error:
        print(error)
        return error.exit_code
    return 0


sys.exit(main())
