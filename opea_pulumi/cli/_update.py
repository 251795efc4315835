"""What up and preview share: from an application and flags to an opened stack with its program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from opea_pulumi.errors import PreflightError, UsageError

from ._app import exposure_options, files_option, given_settings, load_app, settings_options
from ._output import json_option, note
from ._stack import need_engine, recorded, stack_option

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded
    from opea_pulumi.blueprint import Blueprint
    from opea_pulumi.engine import StackHandle, Stacks
    from opea_pulumi.targets import Deployment, Target

_F = TypeVar("_F", bound=Callable[..., Any])


def update_options(function: _F) -> _F:
    """The arguments and flags of up and preview."""
    decorators = (
        click.argument("app", required=False),
        files_option,
        click.option("--target", "-t", metavar="TARGET", help="Where it runs (default: local)."),
        click.option("--profile", metavar="PROFILE", help="Which services: embedded or opea."),
        settings_options,
        exposure_options,
        stack_option("The stack (default: <app>-<target>)."),
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
    overlays: tuple[Path, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def open(self, stacks: Stacks) -> StackHandle:
        """The stack, made when it is new, configured, with its program.

        Raises:
            EngineError: the stack cannot be opened.
            UsageError: the stack holds another application.
        """
        from opea_pulumi.application import config_key
        from opea_pulumi.stacks.program import run

        handle = stacks.open(self.deployment.stack, lambda: run(Path("/")), create=True)
        _refuse_another(handle, self.deployment.source)
        handle.set_config("application", str(self.deployment.source))
        handle.set_config("target", self.target.name)
        if self.profile:
            handle.set_config("profile", self.profile)
        for key, value in self.settings.items():
            handle.set_config(config_key(key), value)
        self._keep_overlays(handle)
        return handle

    def prepare(self, handle: StackHandle) -> None:
        """Let the target clear up what a killed update left."""
        resources = [asdict(resource) for resource in handle.resources()]
        for line in self.target.prepare(self.deployment, resources):
            note(line)

    def explain(self) -> None:
        """After an update that failed: say what the target knows about it."""
        for line in self.target.explain(self.deployment):
            note(line)

    def _keep_overlays(self, handle: StackHandle) -> None:
        """The program lays them over the application, too; it may be plain pulumi that runs it."""
        if self.overlays:
            handle.set_config("overlays", json.dumps([str(path) for path in self.overlays]))
        elif "opea:overlays" in handle.config():
            handle.remove_config("overlays")

    def keep_secrets(self, handle: StackHandle) -> None:
        """Encrypt the environment's secrets into the stack's configuration: the next up needs them, too."""
        from opea_pulumi.images import registry_secrets
        from opea_pulumi.secret_values import secret_from_environment

        blueprint = self.deployment.blueprint
        for secret in (*blueprint.secrets, *registry_secrets(blueprint)):
            if given := secret_from_environment(secret):
                handle.set_config(secret.config, given, secret=True)


def _refuse_another(handle: StackHandle, source: Path) -> None:
    """Two applications of one name must not take each other's stack (a moved one may)."""
    known = handle.config().get("opea:application") or handle.outputs().get("application")
    if known and Path(known) != source and Path(known).exists() and len(handle.resources()) > 1:
        message = f"stack {handle.name} is deployed from another application: {known}"
        hint = "name a stack of its own with --stack NAME, or destroy that one first"
        raise UsageError(message, code="stack-taken", hint=hint)


def plan_update(
    app: str | None,
    target: str | None,
    profile: str | None,
    stack: str | None,
    files: Sequence[str] = (),
) -> Plan:
    """Load, build the blueprint, ask the target's preflight.

    Without ``app`` it is the first of ``files``, else this directory's, else the one that the stack
    was deployed with, with what was laid over it then.

    Raises:
        OpeaError: whatever is wrong with the application, the flags or the machine.
    """
    need_engine()
    from opea_pulumi.application import FILE_NAME, settings_in
    from opea_pulumi.blueprint import insecure
    from opea_pulumi.targets import DEFAULT, Deployment, blueprint_for, load_target

    if app is None and not files and not Path(FILE_NAME).is_file():
        known = recorded(stack)
        if known is not None:
            stack, app, target = known.stack, known.application, target or known.target
            files = known.overlays
    chosen = load_target(target or DEFAULT)
    loaded = load_app(app, files)
    name = stack or f"{loaded.name}-{chosen.name}"
    config = _known_config(name)
    if settings_in(config):
        loaded = load_app(app, files, config)
    blueprint = blueprint_for(chosen, loaded, profile)
    deployment = Deployment(blueprint, loaded.path, name, loaded.definition)
    _raise_first(loaded, [*chosen.preflight(deployment), *_missing(blueprint, config)])
    if warning := insecure(blueprint.settings.exposure):
        note(f"WARNING: {warning}")
    return Plan(chosen, deployment, profile, loaded.overlays, given_settings())


def _known_config(stack: str) -> dict[str, str]:
    """What an earlier up, or ``pulumi config set``, left for the stack: the program reads it, too."""
    from opea_pulumi.engine import Home

    found = Home.from_environment().config(stack)
    return {key: "" if isinstance(value, dict) else str(value) for key, value in found.items()}


def _missing(blueprint: Blueprint, config: Mapping[str, str]) -> Iterator[PreflightError]:
    from opea_pulumi.secret_values import missing_secrets, secret_from_environment

    given = [
        secret.name
        for secret in blueprint.secrets
        if f"opea:{secret.config}" in config or secret_from_environment(secret)
    ]
    return missing_secrets(blueprint, given)


def _raise_first(loaded: Loaded, errors: list[PreflightError]) -> None:
    for error in errors:
        if error.location is not None and not error.location.file:
            error.location = loaded.source.find(error.location.path)
    for error in errors[1:]:
        note(f"error: {error}")
    if errors:
        raise errors[0]
