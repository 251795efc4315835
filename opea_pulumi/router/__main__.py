"""``python -m opea_pulumi.router``: the graph router as a process."""

from __future__ import annotations

import argparse
import getpass
import os
import sys

from opea_pulumi.errors import OpeaError
from opea_pulumi.flow import Mode

from ._app import Limits
from ._auth import hash_key, read_keys
from ._serve import read_plan, serve
from ._tls import make_tls


def main() -> int:
    """Read the arguments and serve; the exit code is 1 for a clear error, 2 for wrong arguments."""
    options = _parser().parse_args()
    try:
        if options.hash_key:
            sys.stdout.write(f"{hash_key(_key_from_stdin())}\n")
            return 0
        return _serve(options)
    except OpeaError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code


def _serve(options: argparse.Namespace) -> int:
    limits = Limits(**{name: getattr(options, name) for name in _NUMBERS})
    plan = read_plan(file=options.graph, text=options.graph_json, mode=options.mode)
    file = _file(options, "api_keys")
    keys = () if file is None else read_keys(file)
    tls = make_tls(_file(options, "tls_certificate"), _file(options, "tls_key"))
    serve(plan, host=options.host, port=options.port, limits=limits, keys=keys, tls=tls)
    return 0


def _file(options: argparse.Namespace, name: str) -> str | None:
    """The option's file, else the variable's; one that is there and empty is an error, no open door."""
    given: str | None = getattr(options, name)
    return os.environ.get(f"OPEA_ROUTER_{name.upper()}_FILE") if given is None else given


def _key_from_stdin() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("key: ")
    return sys.stdin.readline().rstrip("\r\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m opea_pulumi.router", description="OPEA graph router")
    graph = parser.add_mutually_exclusive_group(required=True)
    graph.add_argument("--graph", metavar="FILE", help="graph as GMConnector JSON")
    graph.add_argument("--graph-json", metavar="TEXT", help="the same, as text")
    text = "print what stands in a keys file for the key on standard input"
    graph.add_argument("--hash-key", action="store_true", help=text)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=_port, default=8080, help="0 takes a free one (%(default)s)")
    parser.add_argument("--mode", choices=[mode.value for mode in Mode], help="instead of the graph's own")
    text = "every request needs a key of this file (or OPEA_ROUTER_API_KEYS_FILE)"
    parser.add_argument("--api-keys-file", dest="api_keys", metavar="FILE", help=text)
    text = "speak TLS with this certificate and what is between it and its CA, as PEM (or {}_FILE)"
    variable = "OPEA_ROUTER_TLS_CERTIFICATE"
    parser.add_argument("--tls-certificate", metavar="FILE", help=text.format(variable))
    text = "its private key, as PEM without a passphrase (or OPEA_ROUTER_TLS_KEY_FILE)"
    parser.add_argument("--tls-key", metavar="FILE", help=text)
    limits = Limits()
    for name, (kind, text) in _NUMBERS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=getattr(limits, name),
            metavar="N",
            help=f"{text} (%(default)s)",
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


_NUMBERS = {
    "connect_timeout": (_positive, "seconds to reach a step"),
    "idle_timeout": (_positive, "seconds of silence of a step"),
    "header_timeout": (_positive, "seconds for a request's line and headers"),
    "body_timeout": (_positive, "seconds for a JSON request's body"),
    "client_timeout": (_positive, "seconds that a client may take nothing of its answer"),
    "drain_timeout": (_positive, "seconds to finish requests after SIGTERM"),
    "max_body": (_count, "bytes of a JSON request"),
    "max_upload": (_count, "bytes of an upload to dataprep"),
    "max_concurrency": (_count, "requests at a time; more get 429"),
    "max_connections": (_count, "connections at a time; the one longest without a request makes room"),
}
"""Names of Limits, each an option."""


if __name__ == "__main__":
    sys.exit(main())
