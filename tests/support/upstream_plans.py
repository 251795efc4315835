"""What a plan of upstream's says, and what runs here, as lines `SERVICE KIND VALUE` that can be compared.

An address is written `{SERVICE}`, whatever the port, and the port is a fact of its own: `SERVICE port 80`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from container_facts import Fact, number
from format_facts import CHECKED, LISTENS

_PATH = re.compile(r"(?:https?://[^/\s']+|GET )(/[^\s'\"]*)")
_ADDRESS = re.compile(r"(?<![\w.-])([\w-]+):(\d+)")
_PATIENCE = "patience"  # the plans have no times: start budgets are the catalogue's
_SAME = ("image", "runtime", "ipc", "restart")


def theirs(services: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The lines of a plan."""
    return {f"{name} {line}" for name, row in services.items() for line in _planned(row)}


def ours(containers: Mapping[str, set[Fact]]) -> set[str]:
    """The lines of containers, by workload."""
    lines = set()
    for name, facts in containers.items():
        known = {
            entry.partition("=")[0]: entry.partition("=")[2] for kind, entry in facts if kind == "environment"
        }
        for variable, value in known.items():
            text, ports = _without_ports(variable, value, known, containers)
            lines |= {f"{name} environment {variable}={text}"} | {
                f"{other} port {port}" for other, port in ports
            }
        for kind, value in facts:
            lines |= {f"{name} {line}" for line in _running(kind, value)}
    return lines


def _planned(row: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{kind} {row[kind]}" for kind in _SAME if kind in row)
    yield from (f"port {port}" for port in row["ports"])
    yield from (f"mount {path}" for path in row.get("volumes", ()))
    yield from (f"capability +{name}" for name in row.get("capabilities", ()))
    yield from (f"environment {name}={value}" for name, value in row.get("environment", {}).items())
    yield from (f"argument {option}" for option in _options(row.get("command", [])))
    if "entrypoint" in row:
        yield f"entrypoint {json.dumps(row['entrypoint'])}"
    if "shm" in row:
        yield f"shm {number(row['shm'])}"
    if "health" in row:
        yield f"health {_asked(row['health'])}"


def _running(kind: str, value: str) -> Iterator[str]:
    if kind == "arguments":
        yield from (f"argument {option}" for option in _options(json.loads(value)))
    elif kind == "mount":
        yield f"mount {value.split(' ')[2]}"
    elif kind == "health":
        test = " ".join(json.loads(value))
        yield f"health {_asked(test)}"
        yield from (f"port {port}" for port in CHECKED.findall(test))
        yield from (f"port {int(port, 16)}" for port in LISTENS.findall(test))
    elif kind not in ("environment", _PATIENCE):
        yield f"{kind} {value}"


def _options(words: list[str]) -> Iterator[str]:
    """Each option with its value."""
    option: list[str] = []
    for word in words:
        if word.startswith("-") and option:
            yield " ".join(option)
            option = []
        option.append(word)
    if option:
        yield " ".join(option)


def _asked(test: str) -> str:
    """What a health check asks for, however it does."""
    found = _PATH.search(test)
    return f"GET {found[1]}" if found else test.removeprefix("CMD ")


def _without_ports(
    variable: str, value: str, known: Mapping[str, str], services: Mapping[str, Any]
) -> tuple[str, list[tuple[str, str]]]:
    """A variable's value with addresses as ``{SERVICE}``, and the ports that it told."""
    ports: list[tuple[str, str]] = []

    def name(found: re.Match[str]) -> str:
        if found[1] not in services:
            return found[0]
        ports.append((found[1], found[2]))
        return f"{{{found[1]}}}"

    if value in services:
        return f"{{{value}}}", ports
    prefix = variable.removesuffix("_PORT")
    host = next((known[key] for end in ("_HOST_IP", "_IP") if (key := prefix + end) in known), "")
    if prefix != variable and host in services:
        return f"{{{host}}}", [(host, value)]
    return _ADDRESS.sub(name, value), ports
