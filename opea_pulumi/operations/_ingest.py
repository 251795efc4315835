"""Giving documents to a running application, listing and deleting them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from opea_pulumi.errors import Location, OperationError
from opea_pulumi.flow import Contract

from ._graph import Application, parsed, readable

SUFFIXES = frozenset(
    {".txt", ".md", ".markdown", ".html", ".htm", ".pdf", ".docx", ".rst", ".csv", ".json", ".log"}
)
"""Files that are taken from a folder; a file that is named itself is sent whatever its name."""

_PATH = "/v1/dataprep"


def is_link(source: str) -> bool:
    """Whether a source is a web address rather than a path."""
    return source.startswith(("http://", "https://"))


class Document(NamedTuple):
    """A file, and the name under which the application keeps it."""

    path: Path
    name: str


def expand(sources: Iterable[str]) -> list[Document]:
    """The files that paths mean: themselves, and of folders the documents below, in order of their names.

    A file is named by itself, one of a folder by its path below that folder.

    Raises:
        OperationError: nothing is there, a folder holds no document, or two files have one name.
    """
    found: dict[str, Document] = {}
    for source in sources:
        for document in _documents(Path(source).expanduser()):
            first = found.setdefault(document.name, document)
            if first.path.resolve() != document.path.resolve():
                message = f"has the same name as {first.path}: one would replace the other"
                place = Location(str(document.path))
                hint = "ingest the folder that holds both, or rename one"
                raise OperationError(message, code="same-name", location=place, hint=hint)
    return list(found.values())


def _documents(path: Path) -> list[Document]:
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return [Document(path, readable(path.name))]
    raise OperationError("no such document", code="no-document", location=Location(str(path)))


def _folder(folder: Path) -> list[Document]:
    below = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    found = [path for path in below if path.suffix.lower() in SUFFIXES and not _is_hidden(path)]
    if not found:
        hint = f"it takes {', '.join(sorted(SUFFIXES))}"
        place = Location(str(folder))
        raise OperationError("the folder holds no document", code="no-document", location=place, hint=hint)
    return [Document(folder / path, readable(path.as_posix())) for path in found]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def ingest_file(application: Application, document: Document) -> None:
    """Send one file; a document of the same name is replaced.

    Raises:
        OperationError: the file cannot be read, or the application did not take it.
    """
    try:
        with document.path.open("rb") as file:
            files = {"files": (document.name, file)}
            application.send(f"ingest of {document.name}", "POST", _url(application, "ingest"), files=files)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise OperationError(message, code="no-document", location=Location(str(document.path))) from None


def ingest_link(application: Application, link: str) -> None:
    """Let the application fetch one web address.

    Raises:
        OperationError: the application did not take it.
    """
    application.send(
        f"ingest of {link}",
        "POST",
        _url(application, "ingest"),
        data={"link_list": json.dumps([readable(link)])},
    )


def documents(application: Application) -> list[dict[str, Any]]:
    """The documents that the application holds: ``name``, ``id``, ``type``, ``parent`` each.

    Raises:
        OperationError: the application did not tell.
    """
    answer = application.send("dataprep", "POST", _url(application, "get"), json={})
    listed = parsed("dataprep", answer)
    if not isinstance(listed, list):
        raise OperationError("dataprep: the answer is no list of documents", code="bad-answer")
    return listed


def delete_document(application: Application, name: str) -> None:
    """Delete one document by its name, or everything with ``all``.

    Raises:
        OperationError: there is no such document.
    """
    application.send(
        f"delete of {name}", "POST", _url(application, "delete"), json={"file_path": readable(name)}
    )


def _url(application: Application, action: str) -> str:
    """The router hands documents on; OPEA's own image does not, so that dataprep itself is asked.

    Raises:
        OperationError: OPEA's image runs the flow, and the application has no dataprep.
    """
    if application.mega is None:
        return f"{application.router}{_PATH}/{action}"
    step = application.step(Contract.DATAPREP)
    if step is None:
        message = "the application takes no documents: it has no dataprep"
        raise OperationError(message, code="no-dataprep", hint="opea-pulumi status shows what runs")
    return f"{step.url.rpartition('/')[0]}/{action}"
