"""Pictures and videos out of words and pictures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ._conversation import Always, Answer, Ask, Conversation, pick
from ._errors import bad_request
from ._request import question_of
from ._sent import Received, Sent
from ._text import text_in

_SIZE = ("height", "width", "num_inference_steps", "guidance_scale", "num_images_per_prompt", "seed")
_WORDS = ("negative_prompt", "lora_weight_name_or_path")


class _Painter(Always):
    """Answers with SDOutputs."""

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The pictures."""
        answer = got.json
        return replace(talk, images=_pictures(answer), answer=Answer(answer))


class TextToImage(_Painter):
    """SDInputs -> SDOutputs (pictures in base64)."""

    def request(self, ask: Ask) -> Sent:
        """The prompt and what the client says of the picture."""
        return Sent.json({"prompt": question_of(ask.talk), **pick(ask.talk.given, (*_SIZE, *_WORDS))})


class ImageToImage(_Painter):
    """SDImg2ImgInputs -> SDOutputs."""

    def request(self, ask: Ask) -> Sent:
        """The picture as the client gave it (the service takes addresses), and the prompt."""
        image = _images(ask.talk)[0]
        chosen = pick(ask.talk.given, (*_SIZE, *_WORDS, "strength"))
        return Sent.json({"image": image, "prompt": question_of(ask.talk), **chosen})


class ImageToVideo(Always):
    """ImagesPath -> VideoPath: a file on the service's own disk."""

    def request(self, ask: Ask) -> Sent:
        """The pictures' addresses."""
        paths = ask.talk.given.get("images_path")
        if paths is None:
            paths = [{"image_path": image} for image in _images(ask.talk)]
        return Sent.json({"images_path": paths})

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """Where the video is."""
        answer = got.json
        text_in(answer, "video_path")
        return replace(talk, answer=Answer(answer))


def _images(talk: Conversation) -> tuple[str, ...]:
    if not talk.images:
        raise bad_request("no-image", "the request holds no picture: give it as image")
    return talk.images


def _pictures(answer: Any) -> tuple[str, ...]:
    pictures = answer["images"]
    if not isinstance(pictures, list) or not all(isinstance(picture, str) for picture in pictures):
        raise TypeError("no pictures")
    return tuple(pictures)
