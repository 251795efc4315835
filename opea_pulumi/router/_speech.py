"""Speech to text, text to speech, and a face for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._errors import bad_request
from ._media import Media
from ._request import question_of
from ._sent import JSON, Received, Sent
from ._text import text_in

_SPEECH = ("model", "voice", "response_format", "speed")
_NOT_SOUND = ("application/json", "text/")


class Asr:
    """Sound -> text: the microservice's ``/v1/audio/transcriptions`` (a form), else whisper's ``/v1/asr``."""

    def idle(self, talk: Conversation) -> bool:
        """A question that is written already: as in OPEA's DocSum."""
        return talk.audio is None and bool(talk.query.strip())

    def request(self, ask: Ask) -> Sent:
        """The sound. Its model and language are the service's own."""
        audio = audio_of(ask.talk)
        if urlsplit(ask.step.url).path.endswith("/v1/audio/transcriptions"):
            return Sent.form("file", audio)
        return Sent.json({"audio": audio.base64})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The words, which are the question now."""
        answer = got.json
        text = text_in(answer, "asr_result" if "asr_result" in answer else "text")
        if not text.strip():
            raise bad_request("no-speech", "no speech was heard in the request's audio")
        said = [{"role": "user", "content": text}]
        return replace(talk, query=text, messages=said, audio=None, answer=Answer(answer))


class Tts(Always):
    """Text -> sound: ``/v1/audio/speech`` or GPT-SoVITS' ``/`` (bytes), speecht5's ``/v1/tts`` (base64)."""

    def request(self, ask: Ask) -> Sent:
        """The text and how it is to be spoken."""
        text, path = question_of(ask.talk), urlsplit(ask.step.url).path
        given, voice = ask.talk.given, ask.talk.parameters.get("voice", "default")
        if path.endswith("/v1/audio/speech"):
            # a model in the request is the llm's, unless nothing else was asked
            names = _SPEECH if ask.talk.asked is None else _SPEECH[1:]
            return Sent.json({"input": text, "voice": voice, **pick(given, names)})
        if path in ("", "/"):
            return Sent.json({"text": text, "text_language": given.get("text_language", "zh")})
        return Sent.json({"text": text, "voice": voice})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The sound: for the client base64 as a JSON text (OPEA's AudioQnA), or bytes with their type."""
        if got.content_type == JSON:
            answer = got.json
            text = text_in(answer, "tts_result")
            return replace(talk, audio=Media.from_base64(text), answer=Answer(answer, shown=text))
        if got.content_type.startswith(_NOT_SOUND):
            raise ValueError("no sound")
        audio = Media.of(got.body, got.content_type)
        return replace(talk, audio=audio, answer=Answer(shown=audio))


class Animation(Always):
    """Base64ByteStrDoc -> VideoPath: a file on the service's own disk."""

    def request(self, ask: Ask) -> Sent:
        """The sound that the face is to speak."""
        return Sent.json({"byte_str": audio_of(ask.talk).base64})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The client gets the path as a JSON text (OPEA's AvatarChatbot)."""
        answer = got.json
        return replace(talk, answer=Answer(answer, shown=text_in(answer, "video_path")))


def audio_of(talk: Conversation) -> Media:
    """The sound.

    Raises:
        RouterError: there is none, or it is no base64 (400).
    """
    audio: Any = talk.audio
    if audio is None:
        raise bad_request("no-audio", "the request holds no sound: give it as audio, in base64")
    if isinstance(audio, Media):
        return audio
    try:
        return Media.from_base64(audio)
    except ValueError:
        raise bad_request("bad-audio", "audio must be a sound in base64") from None
