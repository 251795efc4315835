"""Which application and which stack a command means."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opea_pulumi.errors import UsageError
from opea_pulumi.home import home

from ._output import note

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded
    from opea_pulumi.engine import StackHandle, Stacks
    from opea_pulumi.operations import Application
    from opea_pulumi.targets import Operations

_F = TypeVar("_F", bound=Callable[..., Any])
_LAST = "last.json"
"""In OPEA_HOME: the stack that was last brought up from each directory."""


def stack_option(function: _F) -> _F:
    """``--stack NAME``: the stack, instead of the one that is found."""
    text = "The stack; else the only deployed one, else the one last brought up from this directory."
    return click.option("--stack", "-s", metavar="NAME", help=text)(function)


def load_app(app: str | None) -> Loaded:
    """The application of an APP argument: a path, else a catalogue name; none is this directory.

    Raises:
        ApplicationError: there is no such application, or it is wrong.
    """
    from opea_pulumi.application import load_application
    from opea_pulumi.catalog import applications

    if app and app in applications() and not Path(app).exists():
        return load_application(_catalogue_copy(app))
    return load_application(app or ".")


def _catalogue_copy(name: str) -> Path:
    """A stack records its application's path, so a catalogue name gets a file of its own under OPEA_HOME."""
    from opea_pulumi.catalog import application_text

    path = home() / "applications" / name / "opea.yaml"
    text = application_text(name)
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, "utf-8")
    return path


def open_stacks() -> Stacks:
    """The backend's stacks; finds the engine, and installs it where there is none.

    Raises:
        EngineError: there is no engine and none can be installed, or the home cannot be written.
    """
    try:
        from opea_pulumi.engine import Stacks, obtain
    except ImportError as error:
        message = f"this command needs Pulumi's Python package: {error.name} is not installed"
        hint = "pip install 'opea-pulumi[local]'"
        raise UsageError(message, code="missing-extra", hint=hint) from None
    return Stacks(obtain(report=note), report=note)


def choose_stack(stacks: Stacks, given: str | None) -> str:
    """The stack that a command means (design contract "which stack").

    Raises:
        UsageError: several could be meant, or there is none.
    """
    if given:
        return given
    deployed = [info.name for info in stacks.list() if info.deployed]
    if len(deployed) == 1:
        return deployed[0]
    last = _last_stacks().get(str(Path.cwd()))
    if last in deployed:
        return str(last)
    if not deployed:
        raise UsageError("no stack is deployed", code="no-stack", hint="opea-pulumi up APP deploys one")
    hint = f"say --stack NAME; deployed are: {', '.join(deployed)}"
    raise UsageError("several stacks are deployed", code="which-stack", hint=hint)


def select_stack(given: str | None) -> StackHandle:
    """The stack that a command means, opened.

    Raises:
        UsageError, EngineError: as :func:`choose_stack` and :func:`open_stacks`; no stack of that name.
    """
    stacks = open_stacks()
    return stacks.open(choose_stack(stacks, given))


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


def running(given: str | None) -> Application:
    """The running application of a stack, reached through its router.

    Raises:
        OpeaError: no such stack, nothing deployed, or the router does not answer.
    """
    from opea_pulumi.operations import connect

    return connect(deployed_outputs(select_stack(given)))


def operations_of(handle: StackHandle) -> Operations:
    """The target's own operations on a deployed stack.

    Raises:
        OpeaError: nothing is deployed, or its target is not installed.
    """
    from dataclasses import asdict

    from opea_pulumi.targets import load_target

    outputs = deployed_outputs(handle)
    target = load_target(str(outputs.get("target")))
    return target.operations(outputs, [asdict(resource) for resource in handle.resources()])
