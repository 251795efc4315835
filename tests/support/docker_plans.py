"""Known applications as upstream's compose files run them, deployed side by side from images that stand in.

A program constructs the components, so that the command's preflight has no say: the models of one of these
applications alone need more memory than a machine of the tests has, and their cards are not there at all.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import Blueprint, build_blueprint
from opea_pulumi.convert.compose import containers_of

TARGET = "docker"
INTERVAL = "4s"
"""Between two checks of health: shorter ones keep two cores busy with checks alone."""


@dataclass(frozen=True)
class Plan:
    """An application, and the port at which it is reached."""

    name: str
    definition: str
    blueprint: Blueprint
    port: int

    @property
    def services(self) -> Mapping[str, Any]:
        """Its containers in Compose's words."""
        return containers_of(self.blueprint, TARGET).services

    @property
    def images(self) -> set[str]:
        """The images that it needs."""
        return {service["image"] for service in self.services.values()}


def plan(name: str, port: int, document: Mapping[str, Any]) -> Plan:
    """The plan of an application in the unified language, whose health is asked for often."""
    patched = {**document, "patches": list(_impatient(_read(name, document)))}
    return Plan(name, json.dumps(patched), _read(name, patched), port)


def known(application: str, orchestrator: str, **deployment: Any) -> dict[str, Any]:
    """A known application in the unified language."""
    return {
        "opea_app": application,
        "opea_mega_service": {"orchestrator": orchestrator},
        "opea_deployment": deployment,
    }


def _read(name: str, document: Mapping[str, Any]) -> Blueprint:
    return build_blueprint(parse_application(json.dumps(document), file="definition"), name=name)


def _impatient(blueprint: Blueprint) -> Iterable[dict[str, Any]]:
    for name, service in containers_of(blueprint, TARGET).services.items():
        if "healthcheck" in service:
            merge = {"healthcheck": {"interval": INTERVAL}}
            for target in (TARGET, "compose"):
                yield {"target": target, "workload": name, "merge": merge}
