"""What the client gets of a conversation that has been through the flow."""

from __future__ import annotations

from aiohttp import web

from ._conversation import Conversation
from ._errors import bad_request
from ._media import Media
from ._openai import completion, events_of
from ._stream import EVENT_STREAM, stream
from ._tokens import chunks_for
from ._translate import OpeaTokens, OpenAiChunks, Translator


async def mega_answer(request: web.Request, talk: Conversation, model: str) -> web.StreamResponse:
    """As OPEA's gateways answer: a chat completion or its tokens after words, else what the last step made.

    Raises:
        RouterError: a step failed before anything was sent.
    """
    if talk.stream is not None:
        return await _streamed(request, talk, model, OpeaTokens(talk.stream.step))
    answer = talk.answer
    if answer is None or answer.completion is None:
        return _made(talk)
    if talk.parameters["stream"]:
        return _as_stream(talk, model, OpeaTokens(""))
    return web.json_response(completion(model, answer.completion, talk.sources))


async def openai_answer(request: web.Request, talk: Conversation, model: str) -> web.StreamResponse:
    """As OpenAI's interface answers.

    Raises:
        RouterError: a step failed before anything was sent, or the last one did not answer with words (400).
    """
    if talk.stream is not None:
        return await _streamed(request, talk, model, OpenAiChunks(talk.stream.step, talk.sources))
    if talk.answer is None or talk.answer.completion is None:
        raise bad_request(
            "not-a-chat", "the steps that ran for this request do not end with an answer in words"
        )
    if talk.parameters["stream"]:
        return _as_stream(talk, model, OpenAiChunks("", talk.sources))
    sources = {} if talk.sources is None else {"sources": talk.sources}
    return web.json_response({"model": model, **talk.answer.completion, **sources})


async def _streamed(
    request: web.Request, talk: Conversation, model: str, client: Translator
) -> web.StreamResponse:
    assert talk.stream is not None  # noqa: S101 - the caller has looked
    translator = chunks_for(talk.form, talk.stream.step, model, client)
    return await stream(request, talk.stream, translator, EVENT_STREAM)


def _as_stream(talk: Conversation, model: str, client: Translator) -> web.Response:
    """A whole chat completion for a client that asked for a stream: what made it was not known to be last."""
    assert talk.answer is not None  # noqa: S101 - the caller has looked
    events = events_of({"model": model, **talk.answer.completion})
    return web.Response(body=client.feed(events), headers=EVENT_STREAM)


def _made(talk: Conversation) -> web.Response:
    """What the last step made: sound as it is, anything else as JSON."""
    if talk.answer is None:
        return web.json_response(None)
    shown = talk.answer.shown
    if isinstance(shown, Media):
        return web.Response(body=shown.data, headers={"Content-Type": shown.content_type})
    return web.json_response(talk.answer.json if shown is None else shown)
