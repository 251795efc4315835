"""Secrets as files, and an entrypoint that puts them into the environment that images read.

Compose can take a secret from an environment variable, but only for containers with a writable root
(``cannot create secret in read-only service: file is the sole supported option``, v2.39.1), so that
they are files of a folder beside the compose file, which its header says how to make.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from opea_pulumi.blueprint import Blueprint, EndpointValue, SecretFileValue, SecretValue, Workload
from opea_pulumi.convert._model import Loss
from opea_pulumi.errors import BlueprintError, Location

from ._escape import Variable

HUB_TOKEN = "hf-token"  # noqa: S105 - a name
"""The one secret that images can do without: public models need none."""

FOLDER = "OPEA_SECRETS"
"""The variable that names another folder than ``./secrets``."""


def secrets_of(blueprint: Blueprint) -> dict[str, Any]:
    """The top-level ``secrets`` of a file."""
    used = {name for workload in blueprint.workloads for name in used_secrets(workload)}
    path = f"${{{FOLDER}:-./secrets}}"
    return {
        item.name: {"file": Variable(f"{path}/{item.name}")}
        for item in blueprint.secrets
        if item.name in used
    }


def used_secrets(workload: Workload) -> tuple[str, ...]:
    """The secrets in a workload's environment, and those that it reads as files; sorted."""
    values = workload.environment.values()
    files = {value.secret for value in values if isinstance(value, SecretFileValue)}
    return tuple(sorted({*_secrets_by_variable(workload).values(), *files}))


def secret_path(name: str) -> str:
    """Where a container finds the file of a secret."""
    return f"/run/secrets/{name}"


def _secrets_by_variable(workload: Workload) -> dict[str, str]:
    return {
        variable: value.secret
        for variable, value in workload.environment.items()
        if isinstance(value, SecretValue | EndpointValue) and value.secret
    }


def apply_secrets(service: dict[str, Any], workload: Workload, addresses: Mapping[str, int]) -> list[Loss]:
    """Mount the secrets that a workload's environment asks for, and export them at its start.

    Raises:
        BlueprintError: the image cannot be started that way, and does not do without.
    """
    names = used_secrets(workload)
    if not names:
        return []
    if not _secrets_by_variable(workload):  # the image reads the files itself
        service["secrets"] = list(names)
        return []
    start = workload.command or workload.entrypoint
    if not (start and workload.shell):
        return _without(workload, names)
    service["secrets"] = list(names)
    script = "; ".join([*_exports(workload, addresses), 'exec "$@"'])
    service["entrypoint"] = [workload.shell, "-c", script, "--", *start]
    return []


def _exports(workload: Workload, addresses: Mapping[str, int]) -> list[str]:
    """A secret that has no value leaves its variable out."""
    lines = []
    for variable, secret in _secrets_by_variable(workload).items():
        file = shlex.quote(secret_path(secret))
        text = f'"$(cat {file})"'
        value = workload.environment[variable]
        if isinstance(value, EndpointValue):
            text = _with_secret(value, addresses, text)
        lines.append(f"if [ -s {file} ]; then export {variable}={text}; fi")
    return lines


def _with_secret(value: EndpointValue, addresses: Mapping[str, int], secret: str) -> str:
    fields = {"host": value.workload, "port": addresses[value.workload]}
    parts = [part.format(**fields) for part in value.format.split("{secret}")]
    return secret.join(shlex.quote(part) if part else "" for part in parts)


def _without(workload: Workload, names: tuple[str, ...]) -> list[Loss]:
    why = "the image has no shell" if not workload.shell else "how the image starts is not known"
    needed = [name for name in names if name != HUB_TOKEN]
    if needed:
        message = f"Compose gives secrets as files, which {workload.name} cannot read: {why}"
        hint = "give its command in the unified YAML, or convert to kubernetes"
        place = Location(path=f"opea_micro_services.{workload.name}")
        raise BlueprintError(message, code="compose-cannot", location=place, hint=hint)
    return [Loss(workload.name, "it does not get the hub's token", f"secrets are files, and {why}")]
