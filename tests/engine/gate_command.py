"""``python gate_command.py FOLDER``: brings up stack ``gated`` as the command does."""

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


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    home = Home.from_environment()
    stacks = Stacks(install(home), home, report=lambda line: say(f"told: {line}"))
    try:
        say(f"changes: {dict(stacks.open('gated', program, create=True).up().changes)}")
    except Interrupted as stop:
        say(str(stop))
        return 130
    except EngineError as error:
        say(str(error))
        return error.exit_code
    return 0


sys.exit(main())
