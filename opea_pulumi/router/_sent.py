"""What goes to a step and what comes back: JSON mostly, and files in forms, and audio as it is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ._errors import bad_request
from ._json import dumps, loads
from ._media import Media

JSON = "application/json"


class StreamForm(StrEnum):
    """How a step streams, when it does.

    ``chat``: the chunks of a chat completion. ``text``: OPEA's bytes literals (lvm) or LangChain's patches
    (docsum, faqgen), with ``[DONE]`` at the end. ``raw``: bare text behind a line about the video.
    """

    CHAT = "chat"
    TEXT = "text"
    RAW = "raw"


@dataclass(frozen=True)
class Sent:
    """A request's body; ``streams`` is set when the step was asked to stream."""

    body: bytes
    content_type: str = JSON
    streams: StreamForm | None = None

    @classmethod
    def json(cls, document: dict[str, Any], streams: StreamForm | None = None) -> Sent:
        """A JSON object.

        Raises:
            RouterError: it holds a number that JSON can't (400: the rest of it is the router's own).
        """
        try:
            return cls(dumps(document), streams=streams)
        except ValueError:
            raise bad_request("bad-number", "the request holds a number that is too large") from None

    @classmethod
    def form(cls, name: str, media: Media) -> Sent:
        """A form (RFC 7578) with one file."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{media.filename}"\r\n'
            f"Content-Type: {media.content_type}\r\n\r\n"
        )
        body = head.encode() + media.data + f"\r\n--{boundary}--\r\n".encode()
        return cls(body, f"multipart/form-data; boundary={boundary}")


@dataclass(frozen=True)
class Received:
    """A good answer's body; ``content_type`` is in lower case and without parameters, perhaps empty."""

    body: bytes
    content_type: str = JSON

    @property
    def json(self) -> Any:
        """The body as JSON. ValueError when it is none."""
        return loads(self.body)
