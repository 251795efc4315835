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


def plan(name: str, application: str, port: int, mega: str, **deployment: Any) -> Plan:
    """The plan of a known application with an orchestrator; health is asked for every second."""
    document: dict[str, Any] = {
        "opea_app": application,
        "opea_mega_service": {"orchestrator": mega},
        "opea_deployment": deployment,
    }
    document["patches"] = list(_impatient(_read(name, document)))
    return Plan(name, json.dumps(document), _read(name, document), port)


def _read(name: str, document: Mapping[str, Any]) -> Blueprint:
    return build_blueprint(parse_application(json.dumps(document), file="definition"), name=name)


def _impatient(blueprint: Blueprint) -> Iterable[dict[str, Any]]:
    for name, service in containers_of(blueprint, TARGET).services.items():
        if "healthcheck" in service:
            merge = {"healthcheck": {"interval": "1s"}}
            yield {"target": TARGET, "workload": name, "merge": merge}
