"""Reading an application from a file, a folder or text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from opea_pulumi.errors import ApplicationError, Location, OpeaError

from ._lock import read_digests
from ._model import Application
from ._validate import application_of
from ._yaml import MAX_BYTES, Source, parse

FILE_NAME = "opea.yaml"


@dataclass(frozen=True)
class Loaded:
    """An application with the file it came from (absolute) and the name that its stacks carry.

    ``digests`` are those of the lock beside the file.
    """

    application: Application
    path: Path
    name: str
    source: Source = field(repr=False, compare=False)
    digests: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def locating(self) -> Iterator[None]:
        """Give errors that name a key path of this application the file, line and column of it."""
        try:
            yield
        except OpeaError as error:
            if error.location is not None and not error.location.file:
                error.location = self.source.find(error.location.path)
            raise


def load_application(path: str | Path) -> Loaded:
    """Read the application of a folder with ``opea.yaml``, or of a file.

    Raises:
        ApplicationError: nothing is there or readable, or the file is not a valid application.
    """
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
    source = parse(text, str(file))
    application = application_of(source)
    absolute = file.resolve()
    name = application.name or (absolute.parent.name if file.name == FILE_NAME else absolute.stem)
    return Loaded(application, absolute, slug(name), source, read_digests(absolute))


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
