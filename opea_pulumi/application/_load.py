"""Reading an application from a file, a folder or text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from opea_pulumi.errors import ApplicationError, Location, OpeaError

from ._files import read_files
from ._lock import read_digests
from ._model import Application
from ._settings import with_settings
from ._source import Source, overlaid
from ._validate import application_of
from ._yaml import MAX_BYTES, parse

FILE_NAME = "opea.yaml"


@dataclass(frozen=True)
class Loaded:
    """An application with the file it came from (absolute) and the name that its stacks carry.

    ``overlays`` are the files that were laid over it (absolute); ``files`` the contents of the
    application's own files, by their paths in its folder; ``digests`` those of the lock beside the file.
    """

    application: Application
    path: Path
    name: str
    source: Source = field(repr=False, compare=False)
    overlays: tuple[Path, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where paths of the application start: the folder of its file."""
        return self.path.parent

    @property
    def definition(self) -> str:
        """The application as one unified YAML when more than its file made it; empty when it is the file."""
        alone = all(mark.file == self.source.file for mark in self.source.marks.values())
        return "" if alone else dump_application(self.application)

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Give errors that name a key path of this application the file, line and column of it."""
        try:
            yield
        except OpeaError as error:
            if error.location is not None and not error.location.file:
                error.location = self.source.find(error.location.path)
            raise

    def origin(self, path: str) -> Location | None:
        """What set the value at a key path: a place in a file, or ``config opea:...``, ``flag --...``.

        ``None`` when nothing did, so that it is the catalogue's or a default.
        """
        return self.source.origin(path)

    def with_settings(self, settings: Mapping[str, str], origin: str) -> Loaded:
        """The application with settings laid over its file; later calls win.

        Settings are the keys of ``opea_deployment``, ``release`` and ``orchestrator``, also in camel
        case or with dashes; those that are empty are not set. Mappings are given as YAML or JSON.
        ``origin`` is ``config`` (of a stack) or ``flag``; errors name it in the place of a file.

        Raises:
            ApplicationError: there is no such setting, or the application is not valid with it.
        """
        source = with_settings(self.source, settings, origin)
        return replace(self, application=application_of(source), source=source)


def load_application(path: str | Path, *, overlays: Iterable[str | Path] = ()) -> Loaded:
    """Read the application of a folder with ``opea.yaml``, or of a file.

    ``overlays`` are laid over it in their order: mappings merge by key, a key with nothing
    (``null``) is deleted, everything else replaces; the result is what is validated.

    Raises:
        ApplicationError: nothing is there or readable, or the file is not a valid application.
    """
    file, source = _read(path)
    above = [_read(overlay) for overlay in overlays]
    for _, overlay in ((file, source), *above) if above else ():
        if not isinstance(overlay.data, Mapping):
            hint = "it has the keys of the language, as far as they differ"
            overlay.fail("not-an-application", "the document is not a mapping", hint=hint)
    for _, overlay in above:
        source = overlaid(source, overlay)
    application = application_of(source)
    absolute = file.resolve()
    name = application.name or (absolute.parent.name if file.name == FILE_NAME else absolute.stem)
    files = read_files(application, absolute.parent, source)
    return Loaded(
        application,
        absolute,
        slug(name),
        source,
        overlays=tuple(item.resolve() for item, _ in above),
        files=files,
        digests=read_digests(absolute),
    )


def _read(path: str | Path) -> tuple[Path, Source]:
    file = Path(path)
    try:
        given = file.expanduser()
        file = given / FILE_NAME if given.is_dir() else given
        with file.open("rb") as stream:
            text = stream.read(MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:  # unreadable; no such ~user; a NUL in the path
        hint = "name a folder with opea.yaml or a file; 'opea-pulumi init' writes one"
        message = f"no application there: {getattr(error, 'strerror', None) or error}"
        place = Location(str(file))
        raise ApplicationError(message, code="no-application", location=place, hint=hint) from None
    return file, parse(text, str(file))


def parse_application(text: str | bytes, *, file: str = "") -> Application:
    """Read an application from YAML text; ``file`` is only named in errors.

    Raises:
        ApplicationError: the text is not a valid application.
    """
    return application_of(parse(text, file))


def dump_application(application: Application) -> str:
    """The application as unified YAML that reads back to an equal one."""
    return yaml.safe_dump(application.to_document(), sort_keys=False, allow_unicode=True, width=100)


def slug(name: str) -> str:
    """A name as stacks and hosts can carry it: lower case, letters, digits and single dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "app"
