"""The official client, unchanged, against the router."""

import json

import openai
import pytest


def chunk(content, reason=None):
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "small"}
    return json.dumps({**head, "choices": [choice]})


CHUNK, LAST = chunk("In "), chunk("France.", "stop")
SOURCES = [{"source": "france.md", "text": "Paris is in France."}]
QUESTION = [{"role": "user", "content": "Where is Paris"}]


@pytest.fixture
async def client(graph, start):
    base = await start(graph())
    async with openai.AsyncOpenAI(base_url=base + "/v1", api_key="of-the-caller", max_retries=0) as made:
        yield made


async def test_completion(client):
    answer = await client.chat.completions.create(model="chatqna", messages=QUESTION)
    assert answer.choices[0].message.content == "In France."
    assert answer.usage.total_tokens == 5
    assert answer.sources == SOURCES


async def test_stream(client, chatqna):
    chatqna["llm"].answers({"sse": [CHUNK, LAST, "[DONE]"]})
    stream = await client.chat.completions.create(model="chatqna", messages=QUESTION, stream=True)
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content for chunk in chunks) == "In France."
    assert chunks[-1].sources == SOURCES
    assert not hasattr(chunks[0], "sources")


async def test_models(client):
    assert [model.id async for model in client.models.list()] == ["chatqna"]


async def test_errors(client, chatqna):
    chatqna["reranking"].answers({"status": 503, "json": {"detail": "busy"}})
    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model="chatqna", messages=QUESTION)
    assert caught.value.status_code == 503
    assert caught.value.code == "upstream-status"


async def test_error_within_a_stream(client, chatqna):
    chatqna["llm"].answers({"sse": [CHUNK], "fault": "reset"})
    stream = await client.chat.completions.create(model="chatqna", messages=QUESTION, stream=True)
    with pytest.raises(openai.APIError, match="llm cut the connection"):
        _ = [chunk async for chunk in stream]
