"""From a parsed document to an Application; every mistake is found at its place."""

from __future__ import annotations

from typing import Any

from ._deployment import ModelCacheSpec, PatchSpec
from ._model import Application, MegaService, MicroService
from ._secrets import check_secrets
from ._services import SERVICES, services_of
from ._shape import document_of
from ._source import KeyPath, Source
from ._steps import flow_of, services_in
from ._types import mega_endpoint


def application_of(source: Source) -> Application:
    """Validate a parsed document.

    Raises:
        ApplicationError: the first mistake; further ones that were found with it are in its ``also``.
    """
    document = document_of(source)
    check_secrets(source)
    if not document.opea_micro_services and not document.opea_app:
        hint = "or name a known application with opea_app"
        source.fail("no-services", f"{SERVICES} is missing or empty", (SERVICES,), hint=hint)
    services = services_of(source, document)
    flow, nodes = flow_of(source, document, services)
    _check_model_cache(source, document.opea_deployment.model_cache)
    for index, patch in enumerate(document.patches):
        _check_patch(source, ("patches", index), patch)
    return Application(
        name=document.opea_app,
        release=document.opea_release,
        services=services,
        mega=MegaService(
            port=document.opea_mega_service.port,
            endpoint=document.opea_mega_service.endpoint
            or _endpoint(services, services_in(flow.nodes, nodes)),
            orchestrator=document.opea_mega_service.orchestrator,
            flow=flow,
            nodes=nodes,
        ),
        deployment=document.opea_deployment,
        patches=tuple(document.patches),
    )


def _endpoint(services: dict[str, MicroService], names: list[str]) -> str | None:
    return mega_endpoint(services[name].type for name in names) if names else None


_CACHE_KEYS = {"path": "host_path", "name": "claim", "size": "volume", "storage_class": "volume"}


def _check_model_cache(source: Source, cache: ModelCacheSpec | None) -> None:
    """Each of its keys says something of one kind only; a claim has a name, a host's folder a path."""
    if cache is None:
        return
    place: KeyPath = ("opea_deployment", "model_cache")
    for key, kind in _CACHE_KEYS.items():
        given = getattr(cache, key) is not None
        if given and cache.kind != kind:
            message = f"{key} goes with kind: {kind}, not with {cache.kind}"
            source.fail(
                "model-cache", message, (*place, key), key=True, hint=f"take it out, or say kind: {kind}"
            )
        if not given and cache.kind == kind and kind != "volume":
            message = f"kind: {kind} needs a {key}"
            source.fail("model-cache", message, (*place, "kind"), hint=f"add {key}, or say kind: volume")


_OPERATIONS = {
    "add": "value",
    "replace": "value",
    "test": "value",
    "move": "from",
    "copy": "from",
    "remove": "",
}


def _check_patch(source: Source, place: KeyPath, patch: PatchSpec) -> None:
    if (patch.json_patch is None) == (patch.merge is None):
        hint = "give either merge: {...} or json_patch: [{op: replace, path: /a/b, value: c}]"
        source.fail("bad-patch", "a patch is one of merge and json_patch", place, hint=hint)
    for index, operation in enumerate(patch.json_patch or ()):
        problem = _operation_problem(operation)
        if problem:
            hint = "such as {op: replace, path: /spec/replicas, value: 2} (RFC 6902)"
            source.fail("bad-patch", problem, (*place, "json_patch", index), hint=hint)


def _operation_problem(operation: dict[str, Any]) -> str:
    name = operation.get("op")
    if not isinstance(name, str) or name not in _OPERATIONS:
        return f"op is one of {', '.join(_OPERATIONS)}"
    needed = _OPERATIONS[name]
    for key in ("path", *([needed] if needed == "from" else [])):
        pointer = operation.get(key)
        if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
            return f"{key} is a JSON pointer such as /spec/replicas"
    if needed and needed not in operation:
        return f"{name} needs a {needed}"
    extra = set(operation) - {"op", "path", needed}
    return f"{name} has no other keys than op, path{' and ' if needed else ''}{needed}" if extra else ""
