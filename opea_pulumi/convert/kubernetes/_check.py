"""Names that Kubernetes would refuse, found before anything is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.errors import BlueprintError, Location, shown

_SERVICE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_HOST = re.compile(rf"(\*\.)?{_NAME.pattern}")
_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")
_CHARACTERS = {
    _SERVICE: "a small letter, then small letters, digits and dashes, at most 63",
    _LABEL: "small letters, digits and dashes, at most 63",
    _NAME: "small letters, digits, dashes and dots",
    _HOST: "a host's name, in small letters",
    _KEY: "letters, digits, dots, dashes and underscores",
    _LABEL_VALUE: "letters, digits, dots, dashes and underscores, at most 63, a letter or digit at both ends",
}


def check_names(blueprint: Blueprint) -> None:
    """Check every name that comes from the user, and that TLS ends once.

    Raises:
        BlueprintError: ``kubernetes-name``, at the key that holds it; ``kubernetes-tls``.
    """
    exposure = blueprint.settings.exposure
    if exposure.kind == "gateway" and exposure.tls:
        message = "a gateway speaks plain HTTP to what is behind it, and the router would speak TLS"
        place = Location(path="opea_deployment.tls")
        hint = "leave tls out: the gateway has the certificate of opea_deployment.host"
        raise BlueprintError(message, code="kubernetes-tls", location=place, hint=hint)
    for name, pattern, path in _names(blueprint):
        if name and not pattern.fullmatch(name):
            raise BlueprintError(
                f"Kubernetes takes no name such as {shown(name)}",
                code="kubernetes-name",
                location=Location(path=path),
                hint=f"use {_CHARACTERS[pattern]}",
            )


def _names(blueprint: Blueprint) -> Iterator[tuple[str, re.Pattern[str], str]]:
    settings, place = blueprint.settings, "opea_deployment"
    yield settings.namespace, _LABEL, f"{place}.namespace"
    yield settings.image_pull_secret, _NAME, f"{place}.image_pull_secret"
    yield settings.exposure.host, _HOST, f"{place}.host"
    for key, value in settings.labels.items():
        yield value, _LABEL_VALUE, f"{place}.labels.{key}"
    for workload in blueprint.workloads:
        yield workload.name, _SERVICE, f"opea_micro_services.{workload.name}"
    for volume in blueprint.volumes:
        yield volume.claim, _NAME, f"{place}.model_cache.name"
        yield volume.storage_class, _NAME, f"{place}.model_cache.storage_class"
    for secret in blueprint.secrets:
        yield secret.existing, _NAME, f"{place}.secrets.{secret.name}.name"
        yield secret.key, _KEY, f"{place}.secrets.{secret.name}.key"
