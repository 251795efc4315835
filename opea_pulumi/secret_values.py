"""The values of an application's secrets, as far as the environment gives them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from opea_pulumi.blueprint import Blueprint, Secret, SecretFileValue
from opea_pulumi.errors import Location, PreflightError


def secret_from_environment(secret: Secret, environ: Mapping[str, str] = os.environ) -> str | None:
    """The value that a variable gives, or the file that ``VARIABLE_FILE`` names; ``None`` without both.

    Raises:
        PreflightError: the file cannot be read.
    """
    for name in secret.environment:
        if environ.get(name):
            return environ[name]
        if file := environ.get(f"{name}_FILE"):
            return _content(file, f"{name}_FILE")
    return None


def _content(file: str, variable: str) -> str:
    try:
        return Path(file).expanduser().read_text("utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        message = f"the file that {variable} names cannot be read: {reason}"
        raise PreflightError(message, code="unreadable", location=Location(file=file)) from None


def missing_secrets(blueprint: Blueprint, given: Collection[str]) -> Iterator[PreflightError]:
    """The secrets that a workload reads as files, without which it does not start; ``given`` are there."""
    files = {
        value.secret: variable
        for workload in blueprint.workloads
        for variable, value in workload.environment.items()
        if isinstance(value, SecretFileValue)
    }
    for secret in blueprint.secrets:
        if secret.name in files and secret.name not in given:
            variable = secret.environment[0]
            message = f"the secret {secret.name} has no value: {secret.purpose}"
            hint = f"export {variable}_FILE=FILE, or: pulumi config set --secret opea:{secret.config} < FILE"
            yield PreflightError(message, code="no-secret", location=_asked(secret.name), hint=hint)


def _asked(name: str) -> Location:
    return Location(path="opea_deployment.auth" if name == "router-keys" else "opea_deployment.tls")
