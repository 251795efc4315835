"""Runs every benchmark and prints its table: ``python -m benchmarks [NAME...]``."""

import sys

from benchmarks import answer, convert, start, up
from benchmarks.tools import machine_table

ALL = {"start": start, "convert": convert, "up": up, "answer": answer}


def main() -> None:
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(ALL)}")
    print(machine_table())
    for name in names:
        print(ALL[name].run())


main()
