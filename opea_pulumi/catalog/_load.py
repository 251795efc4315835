"""Loading the catalogue's data files; each is read once and checked against its shape."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import ValidationError

from opea_pulumi.errors import CatalogError, Location
from opea_pulumi.terms import Profile

from ._model import Release

DEFAULT_RELEASE = {Profile.OPEA: "1.5", Profile.EMBEDDED: "embedded"}
"""The release of a profile when the application names none."""


def releases() -> list[str]:
    """The releases that the catalogue holds, sorted."""
    return _names("releases")


def applications() -> list[str]:
    """The applications that the catalogue knows, sorted."""
    return _names("applications")


@cache
def load_release(name: str) -> Release:
    """A release by its name.

    Raises:
        CatalogError: no such release, or its data file is wrong.
    """
    file = _file("releases", name, "release")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return Release.model_validate(yaml.load(file.read_text("utf-8"), Loader=loader))  # noqa: S506 - safe
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise CatalogError(
            first["msg"], code="bad-catalogue", location=Location(str(file), path=path)
        ) from None


def application_text(name: str) -> str:
    """The defaults of a known application (``opea_app``), in the unified language.

    Raises:
        CatalogError: the catalogue knows no such application.
    """
    return _file("applications", name, "application").read_text("utf-8")


def _folder(folder: str) -> Traversable:
    return files(__package__).joinpath(folder)


def _names(folder: str) -> list[str]:
    return sorted(
        file.name.removesuffix(".yaml") for file in _folder(folder).iterdir() if file.name.endswith(".yaml")
    )


def _file(folder: str, name: str, what: str) -> Traversable:
    if name not in _names(folder):
        hint = f"one of {', '.join(_names(folder))}"
        raise CatalogError(f"the catalogue has no {what} {name!r}", code=f"unknown-{what}", hint=hint)
    return _folder(folder).joinpath(f"{name}.yaml")
