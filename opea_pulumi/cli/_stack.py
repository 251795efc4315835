"""Which stack a command means, and what is asked of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from opea_pulumi.errors import EngineError, UsageError
from opea_pulumi.home import home

from ._output import note

if TYPE_CHECKING:
    from opea_pulumi.engine import StackHandle, Stacks
    from opea_pulumi.operations import Application
    from opea_pulumi.targets import Operations

_F = TypeVar("_F", bound=Callable[..., Any])
_LAST = "last.json"
"""In OPEA_HOME: the stack that was last brought up from each directory."""

_ENGINE = ("pulumi", "httpx", "psutil")
"""What the extra ``engine`` brings."""


def _checked_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """Pulumi's own rule for names; a name is a folder of OPEA_HOME, too."""
    if name is not None and (not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name) or not name.strip(".")):
        raise click.BadParameter("a stack's name has letters, digits, '-', '_' and '.'; at most 100")
    return name


def stack_option(
    text: str = "The stack; else the only deployed one, else the one last brought up from this directory.",
) -> Callable[[_F], _F]:
    """``--stack NAME``: the stack, instead of the one that is found."""
    return click.option("--stack", "-s", metavar="NAME", callback=_checked_name, help=text)


def need_engine() -> None:
    """See that the Python packages that every command with a stack needs are there.

    Raises:
        UsageError: they are not.
    """
    from importlib.util import find_spec

    absent = [module for module in _ENGINE if find_spec(module) is None]
    if absent:
        message = f"this command needs Python packages that are not installed: {', '.join(absent)}"
        raise UsageError(message, code="missing-extra", hint="pip install 'opea-pulumi[local]'")


def open_stacks() -> Stacks:
    """The backend's stacks; finds the engine, and installs it where there is none.

    Raises:
        UsageError: the packages for it are not installed.
        EngineError: there is no engine and none can be installed, or the home cannot be written.
    """
    need_engine()
    from opea_pulumi.engine import Stacks, obtain
    from opea_pulumi.targets import load_target, target_names

    stacks = Stacks(obtain(report=note), report=note)
    for name in target_names():
        stacks.env.update(load_target(name).environment())
    return stacks


def choose_stack(stacks: Stacks, given: str | None) -> str:
    """The stack that a command means (design contract "which stack").

    Raises:
        UsageError: several could be meant, or there is none.
    """
    if given:
        return given
    deployed = _deployed(stacks)
    if len(deployed) == 1:
        return deployed[0]
    last = _last_stacks().get(str(Path.cwd()))
    if last in deployed:
        return str(last)
    if not deployed:
        raise UsageError("no stack is deployed", code="no-stack", hint="opea-pulumi up APP deploys one")
    hint = f"say --stack NAME; deployed are: {', '.join(deployed)}"
    raise UsageError("several stacks are deployed", code="which-stack", hint=hint)


def _deployed(stacks: Stacks) -> list[str]:
    return [info.name for info in stacks.list() if info.deployed]


def select_stack(given: str | None) -> StackHandle:
    """The stack that a command means, opened.

    Raises:
        UsageError, EngineError: as :func:`choose_stack` and :func:`open_stacks`; no stack of that name.
    """
    stacks = open_stacks()
    return _open(stacks, choose_stack(stacks, given))


def _open(stacks: Stacks, name: str) -> StackHandle:
    try:
        return stacks.open(name)
    except EngineError as error:
        if error.code == "stack-not-found":
            error.hint = f"deployed are: {', '.join(_deployed(stacks)) or 'none'}"
        raise


class Recorded(NamedTuple):
    """What a stack was brought up with: path of the application and of its overlays, name of the target."""

    stack: str
    application: str
    target: str
    overlays: tuple[str, ...] = ()


def recorded(given: str | None) -> Recorded | None:
    """What the stack ``given``, or the one last brought up from this directory, was brought up with.

    Raises:
        EngineError: as :func:`open_stacks`; there is no such stack.
    """
    name = given or _last_stacks().get(str(Path.cwd()))
    if not name:
        return None
    handle = _open(open_stacks(), name)
    # an update that failed has left no outputs, one by plain pulumi no configuration here
    outputs, config = handle.outputs(), handle.config()
    application, target = (
        str(config.get(f"opea:{key}") or outputs.get(key) or "") for key in ("application", "target")
    )
    overlays = tuple(json.loads(config.get("opea:overlays") or "[]"))
    return Recorded(handle.name, application, target, overlays) if application else None


def remember(stack: str) -> None:
    """Record that a stack was brought up from this directory."""
    stacks = {**_last_stacks(), str(Path.cwd()): stack}
    with suppress(OSError):  # only a convenience
        (home() / _LAST).write_text(json.dumps(stacks, indent=1), "utf-8")


def forget(stack: str) -> None:
    """Take a destroyed stack out of the record."""
    stacks = {folder: name for folder, name in _last_stacks().items() if name != stack}
    with suppress(OSError):
        (home() / _LAST).write_text(json.dumps(stacks, indent=1), "utf-8")


def _last_stacks() -> dict[str, str]:
    try:
        data = json.loads((home() / _LAST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def deployed_outputs(handle: StackHandle) -> Mapping[str, Any]:
    """The outputs of a stack that is deployed.

    Raises:
        UsageError: nothing is deployed in it.
    """
    outputs = handle.outputs()
    if not outputs.get("endpoints"):
        message = f"stack {handle.name} has nothing deployed"
        raise UsageError(
            message, code="not-deployed", hint=f"opea-pulumi up --stack {handle.name} deploys it"
        )
    return outputs


def ca_option(function: _F) -> _F:
    """``--ca FILE``: the authority of the application's certificate."""
    return click.option(
        "--ca",
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="PEM file of the authority that signed the application's certificate (else SSL_CERT_FILE).",
    )(function)


def running(given: str | None, ca: str | None = None, *, need_graph: bool = True) -> Application:
    """The running application of a stack, reached through its router with the key of OPEA_API_KEY.

    Raises:
        OpeaError: no such stack, nothing deployed, or the router does not answer.
    """
    return connected(select_stack(given), ca, need_graph=need_graph)[0]


def connected(
    handle: StackHandle, ca: str | None = None, *, need_graph: bool = True
) -> tuple[Application, Mapping[str, Any]]:
    """The running application of an opened stack, and the stack's outputs.

    Raises:
        OpeaError: nothing is deployed, or the router does not answer.
    """
    from opea_pulumi.operations import access, connect

    operations, outputs = _operations(handle)
    own = access(ca)
    return connect(outputs, operations.transport(own.verify), own, need_graph=need_graph), outputs


def operations_of(handle: StackHandle) -> Operations:
    """The target's own operations on a deployed stack.

    Raises:
        OpeaError: nothing is deployed, or its target is not installed.
    """
    return _operations(handle)[0]


def _operations(handle: StackHandle) -> tuple[Operations, Mapping[str, Any]]:
    from dataclasses import asdict

    from opea_pulumi.targets import load_target

    outputs = deployed_outputs(handle)
    target = load_target(str(outputs.get("target")))
    return target.operations(outputs, [asdict(resource) for resource in handle.resources()]), outputs
