"""Whatever a client sends and a service answers: a request, a refusal, or the step's own fault."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opea_pulumi.flow import Step
from opea_pulumi.router import RouterError
from opea_pulumi.router._aligned import _MALFORMED
from opea_pulumi.router._contracts import STEP_CONTRACTS
from opea_pulumi.router._conversation import Answer, Ask, Conversation, Document
from opea_pulumi.router._media import Media
from opea_pulumi.router._request import read_request
from opea_pulumi.router._sent import JSON, Received
from opea_pulumi.router._text import completion_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ASKED = (
    *("messages", "text", "prompt", "input", "audio", "image", "type", "images_path", "data", "stream", "k"),
    *("voice", "language", "chat_template", "top_n", "max_tokens", "target_language", "conn_str", "options"),
)
ANSWERED = (
    *("text", "choices", "data", "embedding", "retrieved_docs", "metadata", "documents", "reranked_docs"),
    *("asr_result", "tts_result", "video_path", "images", "url", "new_prompt", "downstream_black_list"),
    *("result", "chat_template", "video_url", "chunk_start", "chunk_duration", "prompt"),
)
PIECE = {"video_url": "u", "chunk_start": 1.0, "chunk_duration": 2.0, "prompt": "p"}
STATES = (
    {},
    {"documents": ()},
    {"documents": (Document("a", "b", {"c": 1}),), "embedding": [0.5], "prompt": "p"},
    {"video": PIECE, "images": ("iVBORw==",), "audio": Media(b"x", "audio/wav")},
    {"asked": "q", "answer": Answer({"text": "a"}, completion_of("a")), "template": {"data": {}}},
)
URLS = (
    "http://a/v1/chat/completions",
    "http://a/v1/audio/transcriptions",
    "http://a/v1/audio/speech",
    "http://a",
)


def talk_of(document):
    try:
        return read_request(document, {}, stream=False, name="app", typed=True)
    except RouterError as error:
        assert error.status in (400, 415)  # noqa: PT017 - any of the two
        return Conversation(
            "q", [{"role": "user", "content": "q"}], {"stream": True, "max_tokens": 1, "top_n": 1}
        )


@pytest.mark.parametrize("kind", STEP_CONTRACTS)
@settings(max_examples=40)
@given(
    document=st.dictionaries(st.sampled_from(ASKED), VALUES, max_size=6),
    state=st.sampled_from(STATES),
    url=st.sampled_from(URLS),
    final=st.booleans(),
)
def test_any_request(kind, document, state, url, final):
    talk = talk_of(document)
    defaults = {"top_p": 0.9, "temperature": 0.1, "frequency_penalty": 0.0, **talk.parameters}
    ask = Ask(replace(talk, parameters=defaults, **state), Step(name="s", service_url=url), final)
    try:
        sent = STEP_CONTRACTS[kind].request(ask)
    except RouterError as error:
        assert error.status in (400, 404)  # noqa: PT017 - any of the two
        return
    assert sent.content_type != JSON or isinstance(json.loads(sent.body), dict)
    assert sent.streams is None or (final and ask.talk.parameters["stream"])


@pytest.mark.parametrize("kind", STEP_CONTRACTS)
@settings(max_examples=40)
@given(
    answer=VALUES | st.dictionaries(st.sampled_from(ANSWERED), VALUES, max_size=6),
    state=st.sampled_from(STATES),
    content_type=st.sampled_from((JSON, "", "text/html", "audio/wav")),
)
def test_any_answer(kind, answer, state, content_type):
    talk = replace(Conversation("q", [{"role": "user", "content": "q"}], {}), **state)
    got = Received(json.dumps(answer).encode(), content_type)
    try:
        after = STEP_CONTRACTS[kind].read(talk, got)
    except (RouterError, *_MALFORMED):
        return
    assert isinstance(after.query, str)
    assert after.answer is not None
    completion = after.answer.completion
    assert completion is None or isinstance(completion["choices"][0]["message"], dict)
