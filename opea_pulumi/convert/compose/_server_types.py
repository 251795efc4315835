"""Which type of service a container is, or a model server is for, where one image can be for several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opea_pulumi.application import infer_type, service_types
from opea_pulumi.catalog import Release, models

from ._known import Known
from ._project import ComposeService
from ._refs import Purpose, environments
from ._specs import field

_MODEL_TYPES = {"vlm": "lvm", "guard": "guardrails"}
"""Kinds of models that are named otherwise than the services that use them."""


def likeliest(
    service: ComposeService, uses: Sequence[Known], purposes: Sequence[Purpose], release: Release
) -> list[Known]:
    """The uses of an image with one microservice among them: its callers, name or environment say which."""
    called = {item.type for item in purposes if item.kind == "service"}

    def fit(use: Known) -> tuple[bool, bool, int]:
        known = {key: value for row in environments(use, release) for key, value in row.items()}
        same = sum(
            1 if not isinstance(known[key], str) or "{" in known[key] or known[key] == value.value else -1
            for key, value in service.environment.items()
            if key in known
        )
        return use.name in called, infer_type(service.name) == use.name, same

    services = [use for use in uses if use.role == "service"]
    best = max(services, key=fit, default=None)
    return [use for use in uses if use.role != "service" or use.name == (best.name if best else "")]


def likely_types(
    service: ComposeService,
    uses: Sequence[Known],
    purposes: Sequence[Purpose],
    release: Release,
    waiting: Sequence[str],
) -> list[str]:
    """The types that a server can be for, the likeliest first.

    Its callers say it; else it is for one of those that have no server yet (``waiting``), and the
    model or a name tells which.
    """
    called = [item.type for item in purposes if item.kind == "server" and item.type in release.services]
    if called:
        return list(dict.fromkeys(called))
    kinds = {use.name for use in uses if use.role == "server"}
    possible = [kind for kind, row in release.services.items() if kinds & {row.server, *row.servers}]
    open_types = [kind for kind in possible if kind in waiting]
    hints = [kind for use in uses for kind in _hints(service, use, possible, release)]
    first = [kind for kind in hints if kind in open_types] or open_types or hints
    return list(dict.fromkeys([*first, *possible]))


def _hints(service: ComposeService, use: Known, possible: Sequence[str], release: Release) -> list[str]:
    model = field(use, service, "model", release).value
    row = models().get(model)
    known = [_MODEL_TYPES.get(row.kind, row.kind)] if row else []
    words = [service.name, model, *(str(service.raw.get(key, "")) for key in ("command", "entrypoint"))]
    found = [*known, *(kind for kind in possible if _mentions(words, kind))]
    return [kind for kind in found if kind in possible]


def _mentions(texts: Iterable[str], kind: str) -> bool:
    row = service_types().get(kind)
    words = [kind, *(row.aliases if row else ())]
    return any(word in text.lower().replace("vllm", "") for text in texts for word in words)
