"""Giving documents to a running application, listing and deleting them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from opea_pulumi.errors import Location, OperationError

from ._graph import Application, send

SUFFIXES = frozenset(
    {".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".rst", ".csv", ".json", ".log"}
)
"""Files that are taken from a folder; a file that is named itself is sent whatever its name."""

_PATH = "/v1/dataprep"


def is_link(source: str) -> bool:
    """Whether a source is a web address rather than a path."""
    return source.startswith(("http://", "https://"))


def expand(sources: Iterable[str]) -> Iterator[Path]:
    """The files that paths mean: themselves, and of folders the documents below, in order of their names.

    Raises:
        OperationError: nothing is there, or a folder holds no document.
    """
    for source in sources:
        path = Path(source).expanduser()
        if path.is_dir():
            yield from _folder(path)
        elif path.is_file():
            yield path
        else:
            raise OperationError("no such document", code="no-document", location=Location(str(path)))


def _folder(folder: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in SUFFIXES and not _is_hidden(path.relative_to(folder))
    )
    if not found:
        hint = f"it takes {', '.join(sorted(SUFFIXES))}"
        place = Location(str(folder))
        raise OperationError("the folder holds no document", code="no-document", location=place, hint=hint)
    return found


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def ingest_file(application: Application, path: Path) -> None:
    """Send one file; a file of the same name is replaced.

    Raises:
        OperationError: the file cannot be read, or the application did not take it.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
        except OSError as error:
            message = f"cannot be read: {error.strerror}"
            raise OperationError(message, code="no-document", location=Location(str(path))) from None
        send(
            f"ingest of {path.name}", "POST", _url(application, "ingest"), files={"files": (path.name, file)}
        )


def ingest_link(application: Application, link: str) -> None:
    """Let the application fetch one web address.

    Raises:
        OperationError: the application did not take it.
    """
    send(f"ingest of {link}", "POST", _url(application, "ingest"), data={"link_list": json.dumps([link])})


def documents(application: Application) -> list[dict[str, Any]]:
    """The documents that the application holds: ``name``, ``id``, ``type``, ``parent`` each.

    Raises:
        OperationError: the application did not tell.
    """
    listed: list[dict[str, Any]] = send("dataprep", "POST", _url(application, "get"), json={}).json()
    return listed


def delete_document(application: Application, name: str) -> None:
    """Delete one document by its name, or everything with ``all``.

    Raises:
        OperationError: there is no such document.
    """
    send(f"delete of {name}", "POST", _url(application, "delete"), json={"file_path": name})


def _url(application: Application, action: str) -> str:
    return f"{application.router}{_PATH}/{action}"
