"""Answering a client piece by piece, and never ending cleanly what did not end well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web

from ._call import StepReply
from ._errors import RouterError, bad_answer
from ._exchange import CURRENT
from ._json import loads
from ._openai import encode_event, events_of
from ._translate import AsItIs, Translator

EVENT_STREAM = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Headers of server-sent events; the last keeps nginx from collecting them."""


async def stream(
    request: web.Request, reply: StepReply, translator: Translator, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a step's body through the translator to the client.

    The response begins with the first bytes for the client, so that a step that fails before
    them still gets its truthful status.

    Raises:
        RouterError: the step failed before anything was sent.
    """
    response = web.StreamResponse(headers=headers)
    try:
        if isinstance(translator, AsItIs) or reply.content_type != "application/json":
            await _pump(request, response, reply, translator)
        else:
            await _send(request, response, translator.feed(await _as_events(reply)))
        await _finish(request, response)
    except RouterError as error:
        if not response.prepared:
            raise
        await _break_off(request, response, error)
    except asyncio.CancelledError:
        if response.prepared and request.transport is not None:
            # not the client's doing: the router ends
            message = "the router is shutting down"
            ending = RouterError(HTTPStatus.SERVICE_UNAVAILABLE, "shutting-down", message)
            await _break_off(request, response, ending)
        raise
    else:
        # the client has everything: if it leaves now, which cancels this task, it still was answered
        CURRENT.get().answered = response.status
        await _drain(reply)
    finally:
        reply.close()
    return response


async def _pump(
    request: web.Request, response: web.StreamResponse, reply: StepReply, translator: Translator
) -> None:
    async for data in reply.chunks():
        await _send(request, response, translator.feed(data))
        if translator.failure is not None:
            raise translator.failure
        if translator.done:
            return
    await _send(request, response, translator.end())
    if translator.failure is not None:
        raise translator.failure


async def _as_events(reply: StepReply) -> bytes:
    """A server that does not stream answered with one whole completion."""
    try:
        return events_of(loads(await reply.read()))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise bad_answer(reply.step, "did not answer with a chat completion") from None


async def _send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    if data:
        if not response.prepared:
            await response.prepare(request)
        await response.write(data)


async def _finish(request: web.Request, response: web.StreamResponse) -> None:
    if not response.prepared:
        await response.prepare(request)
    await response.write_eof()


async def _drain(reply: StepReply) -> None:
    """Take the end of the body, which follows at once, so that the connection can be used again."""
    with contextlib.suppress(RouterError, TimeoutError):
        async with asyncio.timeout(0.1):
            async for _ in reply.chunks():
                pass


async def _break_off(request: web.Request, response: web.StreamResponse, error: RouterError) -> None:
    CURRENT.get().error = error
    if response.content_type == "text/event-stream":
        with contextlib.suppress(ConnectionError):
            # the step may have stopped within a line
            await response.write(b"\n\n" + encode_event(error.text().encode(), b"error"))
    if request.transport is not None:
        # closes after what was written, and without the end that a whole body has
        request.transport.close()
