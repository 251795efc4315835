"""Blueprints for the compose converter."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import Blueprint, Route, Workload, build_blueprint
from opea_pulumi.flow import Flow
from opea_pulumi.terms import Hardware, Orchestrator, Profile

HERE = Path(__file__).parent


def built(case):
    """The application of a case and its blueprint."""
    application = parse_application(case["text"])
    hardware = Hardware(case["hardware"]) if "hardware" in case else None
    blueprint = build_blueprint(application, name="app", profile=Profile(case["profile"]), hardware=hardware)
    return application, blueprint


def workload_of(name="one", **changes):
    """A workload with the least that is needed."""
    values = {
        "name": name,
        "role": "microservice",
        "type": "llm",
        "image": f"example/{name}:1",
        "port": {"number": 9000},
        "health": {"path": "/health", "start_budget": 60},
        "resources": {"cpu": "100m", "memory": "128Mi"},
    }
    return Workload.model_validate({**values, **changes})


def blueprint_of(*workloads, **changes):
    """A blueprint of these workloads; the last is what users reach."""
    values = {
        "name": "app",
        "profile": Profile.OPEA,
        "release": "1.5",
        "hardware": Hardware.XEON,
        "orchestrator": Orchestrator.NONE,
        "route": Route(workload=workloads[-1].name, endpoint="/v1/x"),
        "flow": Flow.model_validate({"nodes": {"root": {"routerType": "Sequence"}}}),
    }
    return Blueprint.model_validate({**values, "workloads": workloads, **changes})


@pytest.fixture(scope="session")
def cases():
    return {case.pop("name"): case for case in yaml.safe_load((HERE / "cases.yaml").read_text())}


@pytest.fixture(scope="session")
def build():
    return built


@pytest.fixture(scope="session")
def workload():
    return workload_of


@pytest.fixture(scope="session")
def blueprint():
    return blueprint_of
