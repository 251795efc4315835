"""The provider: the SDK's host of components, with the custom resources added."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

from pulumi import Inputs, Output, ResourceOptions
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.analyzer import DuplicateTypeError, PropertyDefinition, PropertyType
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema

from opea_pulumi.errors import EngineError
from opea_pulumi.provider._components import Components, duplicate
from opea_pulumi.provider._process import ProcessResource
from opea_pulumi.provider._schema import PACKAGE, merge
from opea_pulumi.provider._volume import VolumeResource

Resource = ProcessResource | VolumeResource


# The SDK's two bases differ in what is async; the servicer calls the right ones.
class OpeaProvider(ComponentProvider, rpc.Provider):  # type: ignore[misc]
    """Serves ``Process``, ``LocalVolume`` and the components of the installed targets."""

    def __init__(self, version: str, components: Components | None = None) -> None:
        self._offered = components or Components()
        self._cancelled = asyncio.Event()
        self._resources: dict[str, Resource] = {
            f"{PACKAGE}:index:Process": ProcessResource(self._cancelled),
            f"{PACKAGE}:index:LocalVolume": VolumeResource(),
        }
        # The SDK's constructor analyses components, and refuses to have none: see _analyze.
        Provider.__init__(
            self, version, json.dumps(generate_schema(PACKAGE, version, None, {}, {}, []).to_json())
        )
        self._components = {}

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:
        """The schema of everything that is installed."""
        if request.version:
            raise EngineError(f"schema version {request.version} is not supported", code="schema-version")
        self._offered.load_all()
        self._analyze()
        return rpc.GetSchemaResponse(merge(self.schema or "{}", self._offered.missing, self._offered.loaded))

    def construct(  # type: ignore[override]
        self, name: str, resource_type: str, inputs: Inputs, options: ResourceOptions | None = None
    ) -> ConstructResult:
        """Construct a component; its module is imported now."""
        self.validate_resource_type(PACKAGE, resource_type)
        self._offered.load_until(resource_type.rpartition(":")[2])
        self._analyze()
        return super().construct(name, resource_type, inputs, options)

    def _analyze(self) -> None:
        if len(self._components) == len(self._offered.loaded):
            return
        try:
            super().__init__(self._offered.loaded, PACKAGE, None, self.version or "")
        except DuplicateTypeError as error:
            raise duplicate(error.existing.name, str(error.existing.module), error.new_module) from error

    def map_input_properties(
        self,
        inputs: Inputs,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> Inputs:
        """As in the SDK, but with integers: 3.272 hands on the wire's floats and fails on outputs."""
        numbers = {name: _as_number(definition) for name, definition in properties.items()}
        mapped = super().map_input_properties(inputs, numbers, mapping, component_name, property_path)
        return {
            name: _integers(value, properties[schema_name])
            for schema_name, name in mapping.items()
            if (value := mapped.get(name)) is not None
        }

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Validate the inputs of a custom resource and apply defaults."""
        return self._resource(request.type).check(request)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """What a change of inputs means for a custom resource."""
        return self._resource(request.type).diff(request)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Create a custom resource."""
        return await self._resource(request.type).create(request)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """Read a custom resource's state."""
        return await self._resource(request.type).read(request)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Update a custom resource."""
        return await self._resource(request.type).update(request)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Delete a custom resource."""
        await self._resource(request.type).delete(request)

    def cancel(self) -> None:  # type: ignore[override]
        """Abort all waits: the user pressed Ctrl-C."""
        self._cancelled.set()

    def _resource(self, token: str) -> Resource:
        # The type in a URN is qualified by the types of its parents.
        own = token.rpartition("$")[2]
        if own not in self._resources:
            raise EngineError(f"there is no resource {own} in this plugin", code="unknown-resource")
        return self._resources[own]


def _as_number(definition: PropertyDefinition) -> PropertyDefinition:
    return (
        dataclasses.replace(definition, type=PropertyType.NUMBER) if _is_integer(definition) else definition
    )


def _is_integer(definition: PropertyDefinition | None) -> bool:
    return definition is not None and definition.type is PropertyType.INTEGER


def _integers(value: Any, definition: PropertyDefinition) -> Any:
    if isinstance(value, Output):
        return value.apply(lambda known: _integers(known, definition))
    if isinstance(value, list) and definition.items:
        return [_integers(part, definition.items) for part in value]
    if isinstance(value, dict) and definition.additional_properties:
        return {key: _integers(part, definition.additional_properties) for key, part in value.items()}
    return int(value) if _is_integer(definition) and isinstance(value, float) else value
