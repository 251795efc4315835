"""The Pulumi program of every stack: reads the stack's configuration, runs its target.

Configuration (namespace ``opea``): ``application`` (path; relative ones from the project's root),
``overlays`` (a JSON list of files that are laid over it), ``target``, and the settings that go over
the application's own (``profile``, ``hardware``, ``vectorStore`` and so on). With no target the
stack's name is one, and with no application it is examples/chatqna (Pulumi.yaml).
"""

from __future__ import annotations

from pathlib import Path

import pulumi

from opea_pulumi.application import config_keys, load_application
from opea_pulumi.errors import OpeaError
from opea_pulumi.targets import Deployment, blueprint_for, load_target
from opea_pulumi.terms import PROJECT

EXAMPLE = "examples/chatqna"


def run(root: Path) -> None:
    """Run the stack's target; ``root`` is where relative paths of the configuration start.

    Raises:
        pulumi.RunError: the configuration or the application is wrong; the message says how.
    """
    try:
        _run(root)
    except OpeaError as error:
        raise pulumi.RunError(str(error)) from None


def _run(root: Path) -> None:
    config = pulumi.Config(PROJECT)
    target = load_target(config.get("target") or pulumi.get_stack())
    overlays = [root / path for path in config.get_object("overlays") or ()]
    loaded = load_application(root / (config.get("application") or EXAMPLE), overlays=overlays)
    settings = {key: config.get(key) or "" for key in config_keys()}
    loaded = loaded.with_settings(settings, "config")
    blueprint = blueprint_for(target, loaded, config.get("profile"))
    target.program(Deployment(blueprint, loaded.path, pulumi.get_stack(), loaded.definition))
