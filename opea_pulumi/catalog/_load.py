"""Loading the catalogue's data files; each is read once and checked against its shape."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from opea_pulumi.errors import CatalogError, Location, shown
from opea_pulumi.terms import Hardware, Profile

from ._model import CardRow, DockerCardRow, HardwareFile, ModelRow, Models, Release

DEFAULT_RELEASE = {Profile.OPEA: "1.5", Profile.EMBEDDED: "embedded"}
"""The release of a profile when the application names none."""

_EXAMPLES = "opea_pulumi.examples"
_FILE = "opea.yaml"
_M = TypeVar("_M", bound=BaseModel)


def releases() -> list[str]:
    """The releases that the catalogue holds, sorted."""
    return _names("releases")


def applications() -> list[str]:
    """The applications that the catalogue knows, sorted: the examples that are named like their folder."""
    return list(_applications())


@cache
def _applications() -> tuple[str, ...]:
    found = (entry for entry in files(_EXAMPLES).iterdir() if (entry / _FILE).is_file())
    return tuple(sorted(entry.name for entry in found if _names_itself(entry)))


@cache
def load_release(name: str) -> Release:
    """A release by its name.

    Raises:
        CatalogError: no such release, or its data file is wrong.
    """
    return read_release(_entry("releases", name, "release"))


@cache
def models() -> dict[str, ModelRow]:
    """What is known of models, by their names on the hub.

    Raises:
        CatalogError: the data file is wrong.
    """
    return _read(files(__package__).joinpath("models.yaml"), Models).models


@cache
def hardware() -> dict[Hardware, CardRow]:
    """What is known of the kinds of hardware.

    Raises:
        CatalogError: the data file is wrong.
    """
    return _read(files(__package__).joinpath("hardware.yaml"), HardwareFile).hardware


def docker_cards() -> dict[str, DockerCardRow]:
    """How Docker engines give containers cards, by the Kubernetes resource that blueprints name them by.

    Raises:
        CatalogError: the data file is wrong.
    """
    return {row.resource: row.docker for row in hardware().values() if row.docker is not None}


def read_release(place: Traversable) -> Release:
    """A release from its data file, or from the files of its folder, whose keys add up.

    Raises:
        CatalogError: a file is not YAML or not of the shape of a release; it names file and key.
    """
    if place.is_file():
        return _read(place, Release)
    parts = [(file, _parse(file)) for file in sorted(place.iterdir(), key=lambda file: file.name)]
    merged: dict[str, Any] = {}
    origin: dict[str, Traversable] = {}
    for file, data in parts:
        for key, value in data.items():
            if key in merged and not isinstance(value, dict):
                raise _wrong(file, key, f"{origin[key].name} has it, too")
            origin[key] = file
            merged[key] = {**merged[key], **value} if key in merged else value
    return _checked(merged, Release, lambda key: origin.get(key, place))


def application_text(name: str) -> str:
    """The defaults of a known application (``opea_app``), in the unified language.

    Raises:
        CatalogError: the catalogue knows no such application.
    """
    if name not in applications():
        raise _unknown(name, applications(), "application")
    return _text(files(_EXAMPLES) / name)


def application_files(name: str) -> dict[str, str]:
    """The files that a known application brings beside its YAML, by their paths in its folder."""
    tools = files(_EXAMPLES) / name / "tools"
    if name not in applications() or not tools.is_dir():
        return {}
    found = {f"tools/{entry.name}": entry for entry in tools.iterdir() if entry.is_file()}
    return {path: found[path].read_text("utf-8") for path in sorted(found)}


def _names_itself(folder: Traversable) -> bool:
    line = rf"^opea_app: {re.escape(folder.name)}( #.*)?$"
    return re.search(line, _text(folder), re.MULTILINE) is not None


def _text(folder: Traversable) -> str:
    return (folder / _FILE).read_text("utf-8")


def _read(file: Traversable, model: type[_M]) -> _M:
    return _checked(_parse(file), model, lambda _: file)


def _parse(file: Traversable) -> Any:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(file.read_text("utf-8"), Loader=loader)  # noqa: S506 - safe
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = Location(str(file), *((mark.line + 1, mark.column + 1) if mark else ()))
        message = f"not YAML: {getattr(error, 'problem', '') or 'unreadable text'}"
        raise CatalogError(message, code="bad-catalogue", location=place) from None


def _checked(data: Any, model: type[_M], file_of: Any) -> _M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        raise _wrong(file_of(path[0] if path else ""), ".".join(path), first["msg"]) from None


def _wrong(file: Traversable, path: str, message: str) -> CatalogError:
    return CatalogError(message, code="bad-catalogue", location=Location(str(file), path=path))


def _folder(folder: str) -> Traversable:
    return files(__package__).joinpath(folder)


def _entries(folder: str) -> dict[str, Traversable]:
    """Data files and folders of them by name."""
    found = {}
    for entry in _folder(folder).iterdir():
        if entry.name.endswith(".yaml") or (entry.is_dir() and entry.name[0].isalnum()):
            found[entry.name.removesuffix(".yaml")] = entry
    return found


def _names(folder: str) -> list[str]:
    return sorted(_entries(folder))


def _entry(folder: str, name: str, what: str) -> Traversable:
    entries = _entries(folder)
    if name not in entries:
        raise _unknown(name, sorted(entries), what)
    return entries[name]


def _unknown(name: str, known: Sequence[str], what: str) -> CatalogError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}"
    return CatalogError(f"the catalogue has no {what} {shown(name)}", code=f"unknown-{what}", hint=hint)
