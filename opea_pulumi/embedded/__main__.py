"""``python -m opea_pulumi.embedded NAME [--host H] [--port N]``."""

from __future__ import annotations

import sys
from importlib import import_module

from opea_pulumi.embedded import SERVICES


def main(arguments: list[str]) -> int:
    """Run the named service until it is stopped; without a known name, list them (exit 2)."""
    name = arguments[0] if arguments else ""
    if name in SERVICES:
        import_module(f"opea_pulumi.embedded.{name}").main(arguments[1:])
        return 0
    lines = [f"  {service:<10} port {port}" for service, port in SERVICES.items()]
    usage = "usage: python -m opea_pulumi.embedded NAME [--host HOST] [--port PORT]"
    sys.stderr.write("\n".join([usage, "", "services:", *lines, ""]))
    return 0 if name in ("-h", "--help") else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
