"""Runs every benchmark and prints its table: ``python -m benchmarks [NAME...]``."""

import argparse
import os

from benchmarks import answer, convert, docker, router, start, up
from benchmarks.tools import machine_table

ALL = {"start": start, "convert": convert, "up": up, "docker": docker, "answer": answer, "router": router}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="the benchmarks, as tables")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)} (all)")
    parser.add_argument("--gmcrouter", metavar="PATH", help="router: compare with this binary too")
    parser.add_argument("--long", action="store_true", help="router: a stream of ten minutes, too")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in ALL]
    if unknown:
        parser.error(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(ALL)}")
    if options.gmcrouter:
        os.environ["OPEA_GMCROUTER"] = options.gmcrouter
    if options.long:
        os.environ["OPEA_BENCH_LONG"] = "1"
    print(machine_table())
    for name in options.names or ALL:
        print(ALL[name].run(), flush=True)


main()
