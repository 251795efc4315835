"""From a compose file to an application: one of ours, or OPEA's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from opea_pulumi.application import Application, Source, parse_application, parse_source
from opea_pulumi.convert._model import Loss
from opea_pulumi.convert._yaml import dump_yaml
from opea_pulumi.errors import ApplicationError, Location, OpeaError

from ._escape import unescaped
from ._infer import Inference
from ._project import read_project
from ._write import EXTENSION, digest


def from_compose(
    text: str, file: str = "", variables: Mapping[str, str] | None = None
) -> tuple[Application, tuple[Loss, ...]]:
    """The application of a compose file, and what the unified language does not hold of it.

    A file of ours holds its application; of others, images, arguments and environment tell it.
    ``variables`` are those that the file takes from its environment.

    Raises:
        ApplicationError: no YAML, no compose file, or no service that the catalogue knows.
    """
    source = parse_source(text, file)
    project = read_project(source, variables or {})
    own = source.data.get(EXTENSION)
    if isinstance(own, Mapping) and isinstance(own.get("application"), Mapping):
        application = _application(source, unescaped(own["application"]), f"{EXTENSION}.application")
        return application, tuple(_changes(source, own.get("digests")))
    inference = Inference(project)
    if not any(inference.uses.values()):
        hint = "images of OPEA, its model servers and stores are known: 'opea-pulumi catalog' lists them"
        source.fail("not-opea", "no service of this file is known", ("services",), key=True, hint=hint)
    document = inference.document()
    return _application(source, document, "services"), tuple(dict.fromkeys(inference.losses))


def _application(source: Source, document: Any, place: str) -> Application:
    """Validate a document; its mistakes are somewhere below ``place`` of the compose file."""
    try:
        return parse_application(dump_yaml(document))
    except ApplicationError as error:
        for item in (error, *error.also):
            item.location = _located(source, item, place)
        raise


def _located(source: Source, error: OpeaError, place: str) -> Location:
    path = error.location.path if error.location else ""
    whole = f"{place}.{path}" if path and place != "services" else place
    found = source.find(whole)
    return replace(found, path=whole) if place != "services" else replace(found, path=path or place)


def _changes(source: Source, digests: Any) -> Iterator[Loss]:
    """Services that are not as they were written."""
    written = unescaped(source.data["services"])
    expected = digests if isinstance(digests, Mapping) else {}
    why = f"the application in {EXTENSION} is read, not the services"
    for name, service in written.items():
        if name not in expected:
            yield Loss(name, "a service that was added by hand", why)
        elif digest(service) != expected[name]:
            yield Loss(name, "changes by hand", why)
    for name in expected:
        if name not in written:
            yield Loss(str(name), "a service that was taken out by hand", why)
