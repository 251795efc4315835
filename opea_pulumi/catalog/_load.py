"""Loading the catalogue's data files; each is read once and checked against its shape."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import yaml
from pydantic import ValidationError

from opea_pulumi.errors import CatalogError, Location, shown
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
    return read_release(_file("releases", name, "release"))


def read_release(file: Traversable) -> Release:
    """A release from its data file.

    Raises:
        CatalogError: the file is not YAML or not of the shape of a release; it names file and key.
    """
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return Release.model_validate(yaml.load(file.read_text("utf-8"), Loader=loader))  # noqa: S506 - safe
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = Location(str(file), *((mark.line + 1, mark.column + 1) if mark else ()))
        message = f"not YAML: {getattr(error, 'problem', '') or 'unreadable text'}"
        raise CatalogError(message, code="bad-catalogue", location=place) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = Location(str(file), path=".".join(str(part) for part in first["loc"]))
        raise CatalogError(first["msg"], code="bad-catalogue", location=place) from None


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
        raise CatalogError(f"the catalogue has no {what} {shown(name)}", code=f"unknown-{what}", hint=hint)
    return _folder(folder).joinpath(f"{name}.yaml")
