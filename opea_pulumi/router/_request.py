"""Reading the client's request the way OPEA's gateway does (opea.md 3.2, 6.3; ChatQnA/chatqna.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opea_pulumi.errors import FlowError, Location

from ._conversation import Conversation
from ._errors import bad_request
from ._form import File
from ._inputs import read_inputs
from ._json import loads

OPEA_DEFAULTS: Mapping[str, Any] = {
    "max_tokens": 1024,
    "top_p": 0.95,
    "temperature": 0.01,
    "frequency_penalty": 0.0,
    "search_type": "similarity",
    "k": 4,
    "fetch_k": 20,
    "lambda_mult": 0.5,
    "score_threshold": 0.2,
    "top_n": 1,
}
"""The gateway's own values where a request gives none."""

PARAMETERS = frozenset(OPEA_DEFAULTS) | {
    "top_k",
    "presence_penalty",
    "repetition_penalty",
    "stream",
    "chat_template",
    "model",
    "distance_threshold",
    "index_name",
    "language",
    "summary_type",
    "chunk_size",
    "chunk_overlap",
    "voice",
}
"""Every user parameter; the names that a setting ``default.<name>`` may have."""

_NO_QUESTION = "the request holds no question: give messages, text or query"
_INSTEAD = ("images_path", "data")
"""Fields that some step takes in a question's place (image2video, prompt-template)."""


def parse_object(body: bytes) -> dict[str, Any]:
    """The client's JSON object.

    Raises:
        RouterError: not JSON, or not an object (400).
    """
    try:
        document = loads(body)
    except ValueError:
        raise bad_request("bad-json", "the request's body is not JSON") from None
    if not isinstance(document, dict):
        raise bad_request("not-an-object", "the request's body must be a JSON object")
    return document


def read_defaults(texts: Mapping[str, str]) -> dict[str, Any]:
    """Defaults from a graph's ``default.<name>`` settings: JSON where they are JSON, else text.

    Raises:
        FlowError: a name that is no user parameter.
    """
    for name in texts:
        if name not in PARAMETERS:
            raise FlowError(
                f"there is no user parameter {name!r}",
                code="unknown-default",
                location=Location(path=f"spec.routerConfig.config.default.{name}"),
                hint=f"one of {', '.join(sorted(PARAMETERS))}",
            )
    return {name: _json_or_text(text) for name, text in texts.items()}


def read_request(
    document: dict[str, Any],
    defaults: Mapping[str, Any],
    *,
    stream: bool,
    name: str,
    files: Sequence[File] = (),
    typed: bool = False,
) -> Conversation:
    """A conversation from a request; ``stream`` is the route's default.

    ``name`` is the application's: as a ``model`` it means whatever the llm serves. ``files`` came with
    a form; ``typed`` tells that the request's ``type`` says what they are.

    ``parameters`` (the release 1.1 form) is read too when it is an object, else left alone.

    Raises:
        RouterError: no question in it, or a field of the wrong kind (400), a file that can't be read (415).
    """
    nested = document.get("parameters")
    given = {**nested, **document} if isinstance(nested, dict) else dict(document)
    if "max_new_tokens" in given:
        given.setdefault("max_tokens", given["max_new_tokens"])
    if given.get("model") == name:
        del given["model"]
    given = {name: value for name, value in given.items() if value is not None}
    parameters = {**OPEA_DEFAULTS, "stream": stream, **defaults}
    parameters |= {name: value for name, value in given.items() if name in PARAMETERS}
    if not isinstance(parameters["stream"], bool):
        raise bad_request("bad-stream", "stream must be true or false")
    inputs = read_inputs(document, files, typed=typed)
    messages = inputs.messages
    if inputs.texts:
        texts = [flatten(messages), *inputs.texts]
        messages = [{"role": "user", "content": "\n".join(text for text in texts if text)}]
    if not (messages or inputs.audio or inputs.images or any(field in given for field in _INSTEAD)):
        raise bad_request("no-question", _NO_QUESTION)
    query = flatten(messages)
    return Conversation(query, messages, parameters, given, audio=inputs.audio, images=inputs.images)


def flatten(messages: list[Any]) -> str:
    """One text of a whole conversation, in OPEA's form (``role: content`` lines after the system prompt).

    A single user message is taken as it is: OPEA's ``user: `` before it would only blur the search.
    """
    system, turns = "", []
    for message in messages:
        role, content = _role_and_text(message)
        if role == "system":
            system = content
        else:
            turns.append((role, content))
    if len(turns) == 1 and turns[0][0] == "user":
        lines = [turns[0][1]]
    else:
        lines = [f"{role}: {content}" for role, content in turns]
    return "\n".join([system, *lines] if system else lines)


def question_of(talk: Conversation) -> str:
    """The text to search for.

    Raises:
        RouterError: the request holds none (400).
    """
    if not talk.query.strip():
        raise bad_request("no-question", _NO_QUESTION)
    return talk.query


def _role_and_text(message: Any) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, dict) else None
    if not isinstance(role, str):
        raise bad_request("bad-messages", "each message must be an object with a role and a content")
    content = message.get("content")
    if isinstance(content, list):
        parts = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        ]
        return role, "\n".join(text for text in parts if isinstance(text, str))
    if content is not None and not isinstance(content, str):
        raise bad_request("bad-messages", "a message's content must be a text or a list of parts")
    return role, content or ""


def _json_or_text(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text
