"""Sound as it travels between client and steps: base64 in JSON, or the bytes themselves."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

_DATA_URL = re.compile(r"data:[^,;]*(?:;[^,;]*)*;base64,", re.IGNORECASE)

# (offset, bytes there, media type, file name ending): what OPEA's speech servers and browsers make
_MAGIC = (
    (8, b"WAVE", "audio/wav", "wav"),
    (0, b"ID3", "audio/mpeg", "mp3"),
    (0, b"OggS", "audio/ogg", "ogg"),
    (0, b"fLaC", "audio/flac", "flac"),
    (4, b"ftyp", "audio/mp4", "m4a"),
    (0, b"\x1a\x45\xdf\xa3", "audio/webm", "webm"),
)
_ANY = "application/octet-stream"


@dataclass(frozen=True)
class Media:
    """A sound; ``content_type`` is a media type without parameters."""

    data: bytes = field(repr=False)
    content_type: str

    @classmethod
    def of(cls, data: bytes, content_type: str = "") -> Media:
        """With the type that its first bytes tell when none is given. ValueError when it is empty."""
        if not data:
            raise ValueError("no bytes")
        return cls(data, content_type if content_type not in ("", _ANY) else _look(data)[0])

    @classmethod
    def from_base64(cls, text: str) -> Media:
        """From base64, also as a ``data:`` URL. ValueError when it is none, or empty."""
        return cls.of(base64.b64decode(plain_base64(text), validate=True))

    @property
    def base64(self) -> str:
        """As it stands in JSON."""
        return base64.b64encode(self.data).decode()

    @property
    def filename(self) -> str:
        """A name for a form: the services go by the content, but a file needs one."""
        return f"audio.{_look(self.data)[1]}"


def plain_base64(text: str) -> str:
    """Base64 without the head of a ``data:`` URL."""
    head = _DATA_URL.match(text)
    return text[head.end() :] if head else text


def _look(data: bytes) -> tuple[str, str]:
    for offset, magic, kind, ending in _MAGIC:
        if data.startswith(magic, offset):
            return kind, ending
    if data[:1] == b"\xff" and data[1:2] > b"\xdf":  # an MPEG frame without a tag
        return "audio/mpeg", "mp3"
    return _ANY, "bin"
