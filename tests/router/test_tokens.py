"""Streams of docsum, faqgen and lvm steps: whole whatever the pieces, no clean end after a failure."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.router._sent import StreamForm
from opea_pulumi.router._tokens import chunks_for
from opea_pulumi.router._translate import OpeaTokens, OpenAiChunks

PATCH = '{"ops":[{"op":"add","path":"/logs/x/streamed_output_str/-","value":"a"}]}'
FIRST = {"docsum": PATCH, "faqgen": PATCH, "lvm": "b'a'"}
FORMS = {"mega": "/v1/app", "openai": "/v1/chat/completions"}
QUESTION = {"messages": "Where is Paris", "stream": True}


@pytest.fixture(params=FIRST)
async def writer(request, services, start):
    """(service, its first event, base URL) for each type."""
    service = await services(request.param)
    step = {"name": request.param, "serviceUrl": f"{service.url}/v1/{request.param}"}
    config = {"mode": "aligned", "endpoint": "/v1/app"}
    spec = {
        "nodes": {"root": {"routerType": "Sequence", "steps": [step]}},
        "routerConfig": {"config": config},
    }
    return service, FIRST[request.param], await start({"spec": spec}, idle_timeout=1.0)


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("rest", "fault", "code"),
    [
        ([], "reset", "upstream-reset"),
        ([], "hang", "upstream-timeout"),
        ([], None, "upstream-reset"),  # no [DONE]: half a summary
        (["<html>", "[DONE]"], None, "upstream-garbage"),
        (["{}}", "[DONE]"], None, "upstream-garbage"),
        (["b'a", "[DONE]"], None, "upstream-garbage"),
        (["b'\\xzz'", "[DONE]"], None, "upstream-garbage"),
        (['{"ops": []}', "[DONE]"], None, "upstream-garbage"),
        (['{"ops": 5}', "[DONE]"], None, "upstream-garbage"),
        (['{"error": {"message": "boom", "code": 500}}', "[DONE]"], None, "upstream-status"),
    ],
)
async def test_a_failure_after_the_first_token_breaks_the_connection(
    rest, fault, code, path, writer, http, broken_body
):
    service, first, base = writer
    service.answers({"sse": [first, *rest], "fault": fault})
    async with http.post(base + path, json=QUESTION) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        received = await broken_body(response)
    assert b"event: error\ndata: {" in received
    assert b"[DONE]" not in received
    error = json.loads(received.rpartition(b"data: ")[2])["error"]
    assert (error["code"], error["step"]) == (code, service.calls[0].path.rpartition("/")[2])


@pytest.mark.parametrize("path", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"status": 500}, 502),
        ({"status": 422, "json": {"detail": "too long"}}, 422),
        ({"sse": []}, 502),
        ({"sse": ["<html>"]}, 502),
        ({"json": {"no": "text"}}, 502),
        ({"text": "<html>"}, 502),
    ],
)
async def test_a_stream_that_never_begins_has_a_status(answer, status, path, writer, http):
    service, _, base = writer
    service.answers(answer)
    async with http.post(base + path, json=QUESTION) as response:
        assert response.status == status
        assert (await response.json())["error"]["step"]


def test_a_video_that_breaks_off_is_no_answer():
    raw = chunks_for(StreamForm.RAW, "lvm", "m", OpeaTokens("lvm"))
    assert raw.feed(b"{'video_url': 'a'") == b""
    assert raw.end() == b""
    assert raw.failure is not None
    assert not raw.done


@pytest.mark.parametrize("line", [b"{" + b"x" * 100_000, b"<html>\n", b"\n"])
def test_a_first_line_about_something_else_is_no_answer(line):
    raw = chunks_for(StreamForm.RAW, "lvm", "m", OpeaTokens("lvm"))
    assert raw.feed(line) == b""
    assert raw.failure is not None


@given(st.lists(st.text()), st.lists(st.integers(1, 40)), st.sampled_from(StreamForm))
def test_text_survives_any_cut(texts, cuts, form):
    lines = {
        StreamForm.CHAT: [json.dumps({"choices": [{"delta": {"content": text}}]}) for text in texts],
        StreamForm.TEXT: [repr(text.encode("utf-8", "replace")) for text in texts],
    }
    if form is StreamForm.RAW:
        data = b"{'video_url': 'a'}\n" + "".join(texts).encode("utf-8", "replace")
    else:
        data = "".join(f"data: {line}\n\n" for line in [*lines[form], "[DONE]"]).encode()
    translator = chunks_for(form, "step", "model", OpenAiChunks("step", None))
    sent = b""
    for cut in [*cuts, len(data)]:
        sent += translator.feed(data[:cut])
        data = data[cut:]
    sent += translator.end()
    assert translator.failure is None
    assert translator.done
    *events, done, _ = sent.split(b"\n\n")
    assert done == b"data: [DONE]"
    deltas = [json.loads(event.removeprefix(b"data: "))["choices"][0]["delta"] for event in events]
    said = "".join(delta.get("content", "") for delta in deltas)
    assert said == "".join(texts).encode("utf-8", "replace").decode()
