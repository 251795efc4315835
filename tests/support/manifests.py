"""Blueprints to convert, and finding one's way in what comes out."""

from pathlib import Path
from typing import Any

import yaml

from opea_pulumi.application import load_application
from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert import blueprint_for
from opea_pulumi.terms import Hardware, Profile

ROOT = Path(__file__).parents[2]
EVERYTHING = ROOT / "tests" / "convert" / "kubernetes" / "everything.yaml"


def example(name: str, hardware: str, to: str = "kubernetes") -> Blueprint:
    """The blueprint of an example, as `opea-pulumi convert` makes it for a format."""
    loaded = load_application(ROOT / "examples" / name / "opea.yaml")
    options: dict[str, Any] = {"name": name, "profile": Profile.OPEA, "hardware": Hardware(hardware)}
    return blueprint_for(loaded.application, to, files=loaded.files, **options)


def everything(**changed: Any) -> Blueprint:
    """The blueprint with everything; `changed` replaces keys of it."""
    return Blueprint.model_validate({**yaml.safe_load(EVERYTHING.read_text()), **changed})


def changed(blueprint: Blueprint, name: str, /, **update: Any) -> Blueprint:
    """The blueprint with fields of one workload replaced (plain data)."""
    plain = blueprint.model_dump()
    for workload in plain["workloads"]:
        if workload["name"] == name:
            workload.update(update)
    return Blueprint.model_validate(plain)


def find(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """The object of a kind and a name."""
    found = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind}/{name}"
    return found[0]


def pod_of(item: dict[str, Any]) -> dict[str, Any]:
    """The pod's specification of a Deployment or StatefulSet."""
    pod: dict[str, Any] = item["spec"]["template"]["spec"]
    return pod


def container_of(item: dict[str, Any]) -> dict[str, Any]:
    """The main container of a Deployment or StatefulSet."""
    container: dict[str, Any] = pod_of(item)["containers"][0]
    return container


def pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pods' specifications."""
    return [pod_of(item) for item in objects if item["kind"] in {"Deployment", "StatefulSet"}]
