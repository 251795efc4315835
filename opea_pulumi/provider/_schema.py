"""The package schema: what the SDK infers of the components, with the custom resources merged in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition
from pulumi.provider.experimental.schema import Property

PACKAGE = "opea"

_SOMETIMES = ("port", "url")  # outputs that a process without a port lacks


def custom_resources() -> dict[str, Any]:
    """The schema of the custom resources, by token, from their classes, args and docstrings."""
    from opea_pulumi.components.local.process import LocalVolume, LocalVolumeArgs, Process, ProcessArgs

    return {
        f"{PACKAGE}:index:Process": _resource(Process, ProcessArgs, replaces="directory"),
        f"{PACKAGE}:index:LocalVolume": _resource(LocalVolume, LocalVolumeArgs, replaces="path"),
    }


def merge(
    schema: str, missing: dict[str, str], components: Iterable[type[pulumi.ComponentResource]] = ()
) -> str:
    """The package's schema with the custom resources, and a word about extras that are not installed."""
    package = json.loads(schema)
    for component in components:
        _describe(package["resources"][f"{PACKAGE}:index:{component.__name__}"], component)
    package["resources"] |= custom_resources()
    package["description"] = (
        "Deploys OPEA applications: components of the installed targets, and local processes."
    )
    if missing:
        extras = ",".join(sorted(missing))
        package["description"] += f" Not installed here: {extras} (pip install 'opea-pulumi[{extras}]')."
    return json.dumps(package)


def _describe(resource: dict[str, Any], component: type[pulumi.ComponentResource]) -> None:
    """Outputs that a class has from its bases: the SDK (3.272) reads no docstrings there."""
    for base in component.__mro__[1:]:
        if base is pulumi.ComponentResource:
            return
        outputs, _ = Analyzer(PACKAGE).analyze_type(base, is_component_output=True)
        for name, output in outputs.items():
            if output.description:
                resource["properties"][name].setdefault("description", output.description)


def _resource(resource: type[pulumi.CustomResource], args: type, *, replaces: str) -> dict[str, Any]:
    analyzer = Analyzer(PACKAGE)
    inputs, _ = analyzer.analyze_type(args, is_component_output=False)
    own, _ = analyzer.analyze_type(resource, is_component_output=True)
    outputs = inputs | own
    return {
        "description": (resource.__doc__ or "").strip(),
        "inputProperties": {name: _property(name, value, replaces) for name, value in inputs.items()},
        "requiredInputs": _required(inputs),
        "properties": {name: _property(name, value, "") for name, value in outputs.items()},
        "required": [name for name in _required(outputs) if name not in _SOMETIMES],
    }


def _property(name: str, definition: PropertyDefinition, replaces: str) -> dict[str, Any]:
    shape = Property.from_definition(definition).to_json()
    return {key: value for key, value in shape.items() if value is not None} | (
        {"replaceOnChanges": True} if name == replaces else {}
    )


def _required(properties: dict[str, PropertyDefinition]) -> list[str]:
    return sorted(name for name, value in properties.items() if not value.optional)
