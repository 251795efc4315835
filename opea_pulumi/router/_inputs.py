"""What a client brings: words, sound and pictures, in each of the forms that OPEA's gateways take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ._errors import RouterError, bad_request
from ._form import File
from ._media import Media

_WORDS = ("messages", "text", "query", "prompt", "input", "input_text")
_TEXTS = ("application/json", "application/xml", "application/yaml", "application/x-yaml")
_TEXT_ENDINGS = (".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".log", ".rst")


@dataclass(frozen=True)
class Inputs:
    """``texts`` are the contents of uploaded text files."""

    messages: list[Any]
    audio: str | Media | None = None
    images: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def read_inputs(document: dict[str, Any], files: Sequence[File], *, typed: bool) -> Inputs:
    """What the request is about.

    Args:
        typed: whether ``type`` says what ``messages`` or the files are (OPEA's DocSum).

    Raises:
        RouterError: a field of the wrong kind (400), a file that the router can't read (415).
    """
    kind = document.get("type") if typed else None
    if kind not in (None, "text", "audio", "video"):
        raise bad_request("bad-type", "type must be text or audio")
    if kind == "video":
        raise _unreadable("a video", "sends its sound")
    messages = _messages(document)
    audio, images = document.get("audio"), tuple(_images(document, messages))
    if not isinstance(audio, str):  # OpenAI's field of this name says how an answer is to be spoken
        audio = next(iter(_sounds(messages)), None)
    if kind == "audio" and isinstance(document.get("messages"), str) and document["messages"].strip():
        audio, messages = document["messages"], []
    return _with_files(Inputs(messages, audio, images), files, sound=kind == "audio")


def _messages(document: dict[str, Any]) -> list[Any]:
    for name in _WORDS:
        value = document.get(name)
        if isinstance(value, str):
            return [{"role": "user", "content": value}] if value or name != "messages" else []
        if isinstance(value, list) and name == "messages":
            return value
        if value is not None:
            raise bad_request("bad-messages", f"{name} must be a text" + " or a list" * (name == "messages"))
    return []


def _parts(messages: list[Any]) -> Iterator[dict[str, Any]]:
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            yield from (part for part in content if isinstance(part, dict))


def _images(document: dict[str, Any], messages: list[Any]) -> Iterator[str]:
    given = document.get("image")
    for image in given if isinstance(given, list) else [given]:
        if isinstance(image, str) and image:
            yield image
    for part in _parts(messages):
        if part.get("type") == "image_url":
            address = part.get("image_url")
            url = address.get("url") if isinstance(address, dict) else address
            if isinstance(url, str) and url:
                yield url


def _sounds(messages: list[Any]) -> Iterator[str]:
    """OPEA's parts of type audio (MultimodalQnA), and OpenAI's of type input_audio."""
    for part in _parts(messages):
        sound = part.get("audio") if part.get("type") == "audio" else None
        inner = part.get("input_audio")
        if part.get("type") == "input_audio" and isinstance(inner, dict):
            sound = inner.get("data")
        if isinstance(sound, str) and sound:
            yield sound


def _with_files(inputs: Inputs, files: Sequence[File], *, sound: bool) -> Inputs:
    sounds: list[Media] = []
    images, texts = list(inputs.images), []
    for file in files:
        if not file.data:
            raise bad_request("bad-file", f"the file {file.name[:100]!r} is empty")
        if sound or file.content_type.startswith("audio/"):
            sounds.append(Media.of(file.data, file.content_type))
        elif file.content_type.startswith("image/"):
            images.append(Media.of(file.data).base64)
        else:
            texts.append(_text(file))
    if len(sounds) > 1:
        raise bad_request("bad-file", "the request holds more than one sound")
    audio = sounds[0] if sounds else inputs.audio
    return Inputs(inputs.messages, audio, tuple(images), tuple(texts))


def _text(file: File) -> str:
    known = file.content_type.startswith("text/") or file.content_type in _TEXTS
    unsure = file.content_type in ("", "application/octet-stream")
    if not (known or (unsure and file.name.lower().endswith(_TEXT_ENDINGS))):
        raise _unreadable(f"a file of type {file.content_type[:100] or 'unknown'}", "sends its text")
    try:
        return file.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_request("bad-file", f"the file {file.name[:100]!r} is no UTF-8 text") from None


def _unreadable(what: str, instead: str) -> RouterError:
    message = f"the router reads text and sound, and not {what}: a client {instead}"
    return RouterError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media", message)
