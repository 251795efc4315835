"""What up and preview share: from an application and flags to an opened stack with its program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opea_pulumi.errors import PreflightError

from ._output import json_option, note
from ._stack import load_app, open_stacks

if TYPE_CHECKING:
    from opea_pulumi.engine import StackHandle
    from opea_pulumi.targets import Deployment, Target

_F = TypeVar("_F", bound=Callable[..., Any])


def update_options(function: _F) -> _F:
    """The arguments and flags of up and preview."""
    decorators = (
        click.argument("app", required=False),
        click.option("--target", "-t", metavar="TARGET", help="Where it runs (default: local)."),
        click.option("--profile", metavar="PROFILE", help="Which services: embedded or opea."),
        click.option("--stack", "-s", metavar="NAME", help="The stack (default: <app>-<target>)."),
        json_option,
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function


@dataclass(frozen=True)
class Plan:
    """An update that passed every check that needs no engine."""

    target: Target
    deployment: Deployment
    profile: str | None

    def open(self, *, create: bool) -> StackHandle:
        """The stack, configured, with its program.

        Raises:
            EngineError: the engine is missing and cannot be installed, or the stack cannot be opened.
        """
        from opea_pulumi.stacks.program import run

        handle = open_stacks().open(self.deployment.stack, lambda: run(Path("/")), create=create)
        handle.set_config("application", str(self.deployment.source))
        handle.set_config("target", self.target.name)
        if self.profile:
            handle.set_config("profile", self.profile)
        return handle


def plan_update(app: str | None, target: str | None, profile: str | None, stack: str | None) -> Plan:
    """Load, build the blueprint, ask the target's preflight.

    Raises:
        OpeaError: whatever is wrong with the application, the flags or the machine.
    """
    from opea_pulumi.blueprint import build_blueprint
    from opea_pulumi.targets import DEFAULT, Deployment, choose_profile, load_target

    chosen = load_target(target or DEFAULT)
    loaded = load_app(app)
    with loaded.locating():
        asked = profile or loaded.application.deployment.profile
        blueprint = build_blueprint(
            loaded.application, name=loaded.name, profile=choose_profile(chosen, asked)
        )
    name = stack or f"{loaded.name}-{chosen.name}"
    deployment = Deployment(blueprint, loaded.path, name)
    _raise_first(chosen.preflight(deployment))
    return Plan(chosen, deployment, profile)


def _raise_first(errors: list[PreflightError]) -> None:
    for error in errors[1:]:
        note(f"error: {error}")
    if errors:
        raise errors[0]
