"""Files and pages to text: plain text, Markdown, HTML, PDF and DOCX.

The result is text in which headings are Markdown headings, whatever the source was, so that one
splitter serves all. The parsers are imported when a file of their kind comes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from opea_pulumi.errors import OperationError

__all__ = ["MAX_TEXT", "Text", "read_document"]

MAX_TEXT = 20_000_000
"""Characters of one document's text at most."""
MAX_PAGES = 5_000
MAX_UNZIPPED = 256 * 2**20

KINDS = {
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".pdf": "pdf", ".docx": "docx",
}  # fmt: skip
"""Suffix -> kind; any other file is taken as plain text if it is UTF-8."""


@dataclass(frozen=True)
class Text:
    """A document's text; ``structured`` when lines starting with ``#`` are its headings."""

    text: str
    structured: bool


def read_document(name: str, content: bytes, kind: str = "") -> Text:
    """The text of a file; ``kind`` overrides what its name's suffix says.

    Raises OperationError: ``unsupported-kind``, ``bad-document`` (broken, encrypted, not UTF-8, no
    text in it) or ``too-large``.
    """
    kind = kind or KINDS.get(PurePosixPath(name).suffix.lower(), "text")
    if content.startswith(b"%PDF-"):
        kind = "pdf"
    try:
        text = READERS[kind](name, content)
    except OperationError:
        raise
    except Exception as error:
        raise _bad(name, f"is no readable {kind} file: {type(error).__name__}") from error
    if len(text) > MAX_TEXT:
        raise OperationError(f"{name}: its text is longer than {MAX_TEXT} characters", code="too-large")
    if not re.search(r"\w", text):
        hint = "a scanned PDF must go through text recognition first" if kind == "pdf" else ""
        raise _bad(name, "holds no text", hint)
    return Text(text.replace("\x00", ""), structured=kind in ("markdown", "html", "docx"))


def _bad(name: str, what: str, hint: str = "") -> OperationError:
    return OperationError(f"{name} {what}", code="bad-document", hint=hint)


def _text(name: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        known = f"not UTF-8 at byte {error.start}"
        raise OperationError(
            f"{name} is neither UTF-8 text nor a PDF, DOCX or HTML file: {known}",
            code="unsupported-kind",
            hint="convert it to UTF-8, or give the file its right suffix",
        ) from error
    if "\x00" in text[:10_000]:
        raise OperationError(f"{name} is a binary file of no supported kind", code="unsupported-kind")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _html(name: str, content: bytes) -> str:
    from bs4 import BeautifulSoup
    from bs4.dammit import EncodingDetector

    encoding = EncodingDetector.find_declared_encoding(content, is_html=True)
    soup = BeautifulSoup(_text(name, content) if encoding is None else content, "html.parser")
    for hidden in soup(["script", "style", "noscript", "template", "nav", "svg", "form", "iframe"]):
        hidden.decompose()
    body: Any = soup.body or soup
    lines = list(_html_lines(body))
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    if title and not any(line.startswith("# ") for line in lines):
        lines.insert(0, f"# {title}")
    return "\n\n".join(lines)


_BLOCKS = """
address article aside blockquote body dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4
h5 h6 header hr li main ol p pre section table tbody thead td th tr ul
"""
BLOCKS = frozenset(_BLOCKS.split())


def _html_lines(element: Any) -> Iterator[str]:
    """The blocks of a page in order; inline elements stay within their block, a table row is one."""
    if element.name == "tr":
        cells = [cell.get_text(" ", strip=True) for cell in element.find_all(["td", "th"])]
        yield " | ".join(cells)
        return
    run: list[str] = []
    for child in element.children:
        name = getattr(child, "name", None)
        if name in BLOCKS:
            yield from _block(element, run)
            run = []
            yield from _html_lines(child)
        elif type(child).__name__ in ("NavigableString", "Tag"):  # no comments or doctypes
            run.append(child.get_text() if name else str(child))
    yield from _block(element, run)


def _block(element: Any, run: list[str]) -> Iterator[str]:
    text = " ".join("".join(run).split())
    if text:
        level = re.fullmatch(r"h([1-6])", element.name or "")
        yield f"{'#' * int(level[1])} {text}" if level else text


def _pdf(name: str, content: bytes) -> str:
    import logging

    import pypdf

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns about every oddity of a broken file
    reader = pypdf.PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        raise _bad(name, "is encrypted", "save it without a password")
    if len(reader.pages) > MAX_PAGES:
        raise OperationError(f"{name} has more than {MAX_PAGES} pages", code="too-large")
    return "\n\n".join(page.extract_text() for page in reader.pages)


def _docx(name: str, content: bytes) -> str:
    import docx
    from docx.table import Table

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNZIPPED:
            raise OperationError(f"{name} unpacks to more than {MAX_UNZIPPED} bytes", code="too-large")
    lines: list[str] = []
    for block in docx.Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(block, Table):
            lines += (" | ".join(cell.text.strip() for cell in row.cells) for row in block.rows)
        else:
            lines.append(_docx_paragraph(block))
    return "\n\n".join(line for line in lines if line.strip())


def _docx_paragraph(paragraph: Any) -> str:
    style = str(paragraph.style.name) if paragraph.style is not None else ""
    level = re.fullmatch(r"(?:Heading (\d)|Title)", style)
    text = " ".join(paragraph.text.split())
    return f"{'#' * int(level[1] or 1)} {text}" if level and text else text


READERS: dict[str, Callable[[str, bytes], str]] = {
    "text": _text,
    "markdown": _text,
    "html": _html,
    "pdf": _pdf,
    "docx": _docx,
}
