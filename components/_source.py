"""What a component of a whole application deploys: an application by path, or as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from opea_pulumi.application import load_application, parse_application
from opea_pulumi.blueprint import Blueprint, build_blueprint
from opea_pulumi.terms import Profile


def application_blueprint(
    name: str, args: Mapping[str, Any], profile: Profile | None, *, mounts_files: bool
) -> Blueprint:
    """The blueprint of the ``application`` or the ``definition`` among a component's arguments.

    Args:
        mounts_files: whether the target can put the application's own files where its services look for
            them; where it cannot, an application that has some is refused.

    Raises:
        pulumi.InputPropertyError: neither is given, or both are.
        OpeaError: the application is wrong.
    """
    path, text = args.get("application"), args.get("definition")
    if bool(path) == bool(text):
        raise pulumi.InputPropertyError("application", "give exactly one of application and definition")
    if not path:
        return build_blueprint(parse_application(text or "", file="definition"), name=name, profile=profile)
    loaded = load_application(path)
    with loaded.locating():
        files = loaded.files if mounts_files else None
        return build_blueprint(
            loaded.application, name=name, profile=profile, files=files, digests=loaded.digests
        )
