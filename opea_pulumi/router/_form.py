"""Reading a form with files (RFC 7578): pure functions on a body that is already there and bounded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from ._errors import bad_request
from ._json import loads

FORM = "multipart/form-data"

_MOST_PARTS = 100
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
_NUMBERS = frozenset(
    {
        "chunk_overlap",
        "chunk_size",
        "distance_threshold",
        "fetch_k",
        "frequency_penalty",
        "k",
        "lambda_mult",
        "max_new_tokens",
        "max_tokens",
        "presence_penalty",
        "repetition_penalty",
        "score_threshold",
        "seed",
        "temperature",
        "top_k",
        "top_n",
        "top_p",
    }
)
_SWITCHES = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


@dataclass(frozen=True)
class File:
    """An uploaded file; ``content_type`` is in lower case and without parameters, perhaps empty."""

    name: str
    content_type: str
    data: bytes = field(repr=False)


def parse_form(body: bytes, content_type: str) -> tuple[dict[str, Any], tuple[File, ...]]:
    """The fields (numbers and switches where the API has them) and the files, in order.

    Raises:
        RouterError: no form, a part without a name, a field that is no UTF-8 or no number (400).
    """
    boundary = _header(content_type).get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise bad_request("bad-form", "the form's Content-Type names no boundary")
    mark = b"\r\n--" + boundary.encode("utf-8", "replace")
    head, *parts = (b"\r\n" + body).split(mark, _MOST_PARTS + 1)
    ends = [index for index, part in enumerate(parts) if part.startswith(b"--")]
    if head.strip() or not ends:
        raise bad_request("bad-form", f"the request's body is no form, or one of over {_MOST_PARTS} parts")
    fields: dict[str, Any] = {}
    files = []
    for part in parts[: ends[0]]:
        name, file = _part(part)
        if file is None:
            continue
        if isinstance(file, File):
            files.append(file)
        else:
            fields[name] = _value(name, file)
    return fields, tuple(files)


def _part(part: bytes) -> tuple[str, File | str | None]:
    """A part's name, and the file or the text; None for a file that nobody chose."""
    head, blank, data = part.partition(b"\r\n\r\n")
    headers = _headers(head)
    name = headers.get_param("name", header="content-disposition")
    if not blank or not isinstance(name, str):
        raise bad_request("bad-form", "a part of the form has no name")
    try:
        filename = headers.get_filename()
    except (LookupError, ValueError):  # a file name in an encoding that is none
        raise bad_request("bad-form", "the name of a file in the form can't be read") from None
    if filename is None:
        return name, _decode(name, data)
    if not filename and not data:
        return name, None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    # it goes on into the head of another form
    return name, File(filename, kind if _MEDIA_TYPE.fullmatch(kind) else "", data)


def _headers(head: bytes) -> Message:
    message = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip():
            message[name.strip()] = value.strip()
    return message


def _header(content_type: str) -> Message:
    message = Message()
    message["content-type"] = content_type
    return message


def _decode(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise bad_request("bad-field", f"the form's field {name[:50]!r} is no UTF-8 text") from None


def _value(name: str, text: str) -> Any:
    if name == "stream":
        if text.strip().lower() not in _SWITCHES:
            raise bad_request("bad-stream", "stream must be true or false")
        return _SWITCHES[text.strip().lower()]
    if name not in _NUMBERS:
        return text
    if not text.strip():
        return None
    try:
        number = loads(text)
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise bad_request("bad-field", f"{name} must be a number")
    return number
