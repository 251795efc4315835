"""Where the values of an application's secrets come from."""

from __future__ import annotations

from collections.abc import Iterator

import pulumi

from opea_pulumi.blueprint import Blueprint, Secret
from opea_pulumi.secret_values import secret_from_environment
from opea_pulumi.terms import PROJECT


def secrets_of(blueprint: Blueprint) -> Iterator[tuple[str, pulumi.Output[str]]]:
    """Each secret that has a value: the stack's configuration, else the environment."""
    config = pulumi.Config(PROJECT)
    for secret in blueprint.secrets:
        configured = config.get_secret(secret.config)
        if configured is not None:
            yield secret.name, configured
            continue
        value = secret_from_environment(secret)
        if value is not None:
            yield secret.name, pulumi.Output.secret(value)


def configured(secret: Secret) -> str:
    """The value of a secret that the program itself uses, and hands to no resource; empty without one."""
    found = pulumi.Config(PROJECT).get(secret.config)
    return found or secret_from_environment(secret) or ""
