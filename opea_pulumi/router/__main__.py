"""``python -m opea_pulumi.router``: the graph router as a process."""

from __future__ import annotations

import argparse
import sys

from opea_pulumi.errors import OpeaError
from opea_pulumi.flow import Mode

from ._app import Limits
from ._serve import read_plan, serve


def main() -> int:
    """Read the arguments and serve; the exit code is 1 for a clear error, 2 for wrong arguments."""
    options = _parser().parse_args()
    limits = Limits(
        connect_timeout=options.connect_timeout,
        idle_timeout=options.idle_timeout,
        drain_timeout=options.drain_timeout,
        max_body=options.max_body,
        max_upload=options.max_upload,
        max_concurrency=options.max_concurrency,
    )
    try:
        plan = read_plan(file=options.graph, text=options.graph_json, mode=options.mode)
        serve(plan, host=options.host, port=options.port, limits=limits)
    except OpeaError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m opea_pulumi.router", description="OPEA graph router")
    graph = parser.add_mutually_exclusive_group(required=True)
    graph.add_argument("--graph", metavar="FILE", help="graph as GMConnector JSON")
    graph.add_argument("--graph-json", metavar="TEXT", help="the same, as text")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="0 takes a free one (%(default)s)")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="instead of the graph's own")
    limits = Limits()
    numbers = {
        "connect-timeout": (_positive, limits.connect_timeout, "seconds to reach a step"),
        "idle-timeout": (_positive, limits.idle_timeout, "seconds of silence of a step"),
        "drain-timeout": (_positive, limits.drain_timeout, "seconds to finish requests after SIGTERM"),
        "max-body": (_count, limits.max_body, "bytes of a JSON request"),
        "max-upload": (_count, limits.max_upload, "bytes of an upload to dataprep"),
        "max-concurrency": (_count, limits.max_concurrency, "requests at a time; more get 429"),
    }
    for name, (kind, default, text) in numbers.items():
        parser.add_argument(
            f"--{name}", type=kind, default=default, metavar="N", help=f"{text} (%(default)s)"
        )
    return parser


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
