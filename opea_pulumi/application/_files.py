"""The application's own files, which its services find at the paths that ``files`` says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ._model import Application
from ._source import KeyPath, Source

MAX_FILE_BYTES = 256 * 1024
"""Files become parts of manifests: Kubernetes holds 1 MiB for all of an object."""


def read_files(application: Application, folder: Path, source: Source) -> Mapping[str, str]:
    """The contents of every file that a service asks for, by path in the application's folder.

    Raises:
        ApplicationError: one is not there, outside of the folder (through a link), too large, no text.
    """
    contents: dict[str, str] = {}
    for name, service in application.services.items():
        for target, relative in service.files.items():
            if relative not in contents:
                path = ("opea_micro_services", service.alias or name, "files", target)
                contents[relative] = _read(folder, relative, source, path)
    return contents


def _read(folder: Path, relative: str, source: Source, path: KeyPath) -> str:
    file = folder / relative
    try:
        resolved = file.resolve(strict=True)
        inside = resolved.is_relative_to(folder.resolve())
        regular = resolved.is_file()
        data = b""
        if inside and regular:
            with resolved.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:  # not there; a loop of links; a NUL in the path
        reason = getattr(error, "strerror", None) or "not a path"
        hint = "paths start at the folder of the application's file"
        source.fail("no-file", f"the file cannot be read: {reason}", path, hint=hint)
    if not inside:
        source.fail(
            "file-outside", "the file lies outside of the application's folder", path, hint="copy it there"
        )
    if not regular:
        source.fail("no-file", "this is no file", path, hint="name the files of a folder one by one")
    if len(data) > MAX_FILE_BYTES:
        hint = "put large files into the image, or on a volume"
        source.fail("file-too-large", f"the file has more than {MAX_FILE_BYTES} bytes", path, hint=hint)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        source.fail(
            "file-not-text", "the file is no UTF-8 text", path, hint="only text can be put into a service"
        )
    return text
