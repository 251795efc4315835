"""What a component of a whole application deploys: an application by path, or as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import ValidationError

from opea_pulumi.application import Application, DeploymentSpec, load_application, parse_application
from opea_pulumi.blueprint import Blueprint, build_blueprint
from opea_pulumi.terms import Profile


def application_blueprint(
    name: str,
    args: Mapping[str, Any],
    profile: Profile | None,
    *,
    mounts_files: bool,
    deployment: Mapping[str, Any] | None = None,
) -> Blueprint:
    """The blueprint of the ``application`` or the ``definition`` among a component's arguments.

    Args:
        mounts_files: whether the target can put the application's own files where its services look for
            them; where it cannot, an application that has some is refused.
        deployment: keys of ``opea_deployment`` that go over the application's own.

    Raises:
        pulumi.InputPropertyError: neither is given, or both are.
        OpeaError: the application is wrong.
    """
    path, text = args.get("application"), args.get("definition")
    if bool(path) == bool(text):
        raise pulumi.InputPropertyError("application", "give exactly one of application and definition")
    if not path:
        application = _with(parse_application(text or "", file="definition"), deployment or {})
        return build_blueprint(application, name=name, profile=profile)
    loaded = load_application(path)
    application = _with(loaded.application, deployment or {})
    with loaded.locating():
        files = loaded.files if mounts_files else None
        return build_blueprint(application, name=name, profile=profile, files=files, digests=loaded.digests)


def _with(application: Application, deployment: Mapping[str, Any]) -> Application:
    for key, value in deployment.items():
        try:
            DeploymentSpec.model_validate({key: value})
        except ValidationError as error:
            reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            raise pulumi.InputPropertyError(key, f"{key}: {reason}") from None
    changed = application.deployment.model_copy(update=dict(deployment))
    return application.model_copy(update={"deployment": changed})
