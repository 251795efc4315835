"""The environment of a container: literals, references to Secrets, and addresses.

Kubernetes expands ``$(NAME)`` in values, commands and arguments; what the blueprint holds is meant as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from opea_pulumi.blueprint import (
    Blueprint,
    EndpointValue,
    LiteralValue,
    PathValue,
    Secret,
    SecretFileValue,
    SecretValue,
    Workload,
)

from ._config import secret_path, secret_reference
from ._index import index
from ._names import Object

Address = tuple[str, int]
"""Host name and port at which a workload is reached."""

AddressOf = Callable[[str], Address]


def service_address(blueprint: Blueprint) -> AddressOf:
    """Where workloads are reached: the Service of their name, on the container's own port."""
    workloads = index(blueprint).workloads
    return lambda name: (name, workloads[name].port.number)


def literal(text: str) -> str:
    """Text that Kubernetes leaves as it is."""
    return re.sub(r"\$(?=[$(])", "$$", text)


def environment(blueprint: Blueprint, workload: Workload, address_of: AddressOf) -> list[Object]:
    """``env`` of the workload's container; secrets that stand inside other values come first."""
    secrets = index(blueprint).secrets
    helpers: dict[str, Object] = {}
    variables: list[Object] = []
    for name, value in workload.environment.items():
        if isinstance(value, LiteralValue):
            variables.append({"name": name, "value": literal(value.value)})
        elif isinstance(value, SecretValue):
            reference = _reference(secrets, value.secret, whole=True)
            variables.append({"name": name, "valueFrom": reference})
        elif isinstance(value, SecretFileValue):
            variables.append({"name": name, "value": secret_path(value.secret)})
        elif isinstance(value, PathValue):
            path = next(mount.path for mount in workload.mounts if mount.volume == value.volume)
            variables.append({"name": name, "value": literal(path)})
        else:
            if value.secret:
                helper = _helper_name(value.secret)
                reference = _reference(secrets, value.secret, whole=False)
                helpers[helper] = {"name": helper, "valueFrom": reference}
            variables.append({"name": name, "value": _endpoint(value, address_of)})
    return [*(helpers[name] for name in sorted(helpers)), *variables]


def _endpoint(value: EndpointValue, address_of: AddressOf) -> str:
    host, port = address_of(value.workload)
    text = literal(value.format).replace("{host}", host).replace("{port}", str(port))
    return text.replace("{secret}", f"$({_helper_name(value.secret)})") if value.secret else text


def _helper_name(secret: str) -> str:
    return f"OPEA_SECRET_{re.sub('[^A-Z0-9]', '_', secret.upper())}"


def _reference(secrets: dict[str, Secret], name: str, *, whole: bool) -> Object:
    """A value that is left out when there is none may lack its Secret; one inside an address may not."""
    secret = secrets[name]
    return secret_reference(secret, optional=whole and not secret.generate)
