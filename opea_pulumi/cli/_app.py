"""Which application a command means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from opea_pulumi.errors import EngineError
from opea_pulumi.home import home

if TYPE_CHECKING:
    from opea_pulumi.application import Loaded


def load_app(app: str | None) -> Loaded:
    """The application of an APP argument: a path, else a catalogue name; none is this directory.

    Raises:
        ApplicationError: there is no such application, or it is wrong.
    """
    from opea_pulumi.application import load_application
    from opea_pulumi.catalog import applications

    if app and app in applications() and not Path(app).exists():
        return load_application(_catalogue_copy(app))
    return load_application(app or ".")


def _catalogue_copy(name: str) -> Path:
    """A stack records its application's path, so a catalogue name gets a file of its own under OPEA_HOME."""
    from opea_pulumi.application import FILE_NAME
    from opea_pulumi.catalog import application_files, application_text

    folder = home() / "applications" / name
    path = folder / FILE_NAME
    try:
        for file, text in {FILE_NAME: application_text(name), **application_files(name)}.items():
            _write(folder / file, text)
    except OSError as error:
        message = f"cannot write to {path}: {error.strerror}"
        hint = "choose another folder: export OPEA_HOME=DIRECTORY"
        raise EngineError(message, code="home-not-writable", hint=hint) from None
    return path


def _write(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text, "utf-8")
