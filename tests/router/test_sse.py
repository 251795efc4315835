"""Server-sent events: the same whatever the pieces they come in."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.router._json import dumps, loads
from opea_pulumi.router._openai import Event, SseParser, encode_event
from opea_pulumi.router._translate import OpeaTokens, OpenAiChunks

LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8)
EVENTS = st.lists(
    st.tuples(st.lists(LINE, min_size=1, max_size=3), st.sampled_from(["", "error", "ping"])), max_size=5
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CUTS = st.lists(st.integers(min_value=0, max_value=400), max_size=20)


def pieces(data, cuts):
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def parse(data, cuts=()):
    parser = SseParser()
    return [event for piece in pieces(data, cuts) for event in parser.feed(piece)]


@given(EVENTS, ENDS, CUTS)
def test_events_survive_any_cut(events, end, cuts):
    text = ""
    for lines, kind in events:
        text += f": a comment{end}" + (f"event: {kind}{end}" if kind else "")
        text += "".join(f"data: {line}{end}" for line in lines) + end
    wanted = [Event("\n".join(lines).encode(), kind.encode()) for lines, kind in events]
    assert parse(text.encode(), cuts) == wanted


@given(EVENTS, CUTS)
def test_encoding_and_parsing_are_inverse(events, cuts):
    wanted = [Event("\n".join(lines).encode(), kind.encode()) for lines, kind in events]
    data = b"".join(encode_event(event.data, event.kind) for event in wanted)
    assert parse(data, cuts) == wanted


@given(st.binary(max_size=200), CUTS)
def test_any_bytes_give_the_same_events_however_cut(data, cuts):
    assert parse(data, cuts) == parse(data)


def test_each_event_is_given_as_soon_as_it_is_complete():
    parser = SseParser()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"\r") == [Event(b"a")]
    assert parser.feed(b"\ndata: b\n\n") == [Event(b"b")]


def test_byte_order_mark_and_missing_space():
    assert parse(b"\xef\xbb\xbfdata:a\ndata\nid: 1\nretry: 5\n\n") == [Event(b"a\n")]


@given(st.lists(st.text(), max_size=5), CUTS)
def test_tokens_are_those_of_the_llm(tokens, cuts):
    chunks = [{"choices": [{"delta": {"content": token}}]} for token in tokens]
    last = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    data = b"".join(encode_event(dumps(chunk)) for chunk in [*chunks, last]) + b"data: [DONE]\n\n"
    mega, openai = OpeaTokens("llm"), OpenAiChunks("llm", [])
    shown = b"".join(mega.feed(piece) for piece in pieces(data, cuts)).decode()
    kept = b"".join(openai.feed(piece) for piece in pieces(data, cuts))
    assert (mega.failure, openai.failure, mega.done, openai.done) == (None, None, True, True)
    assert shown == "".join(f"data: {token.encode()!r}\n\n" for token in tokens) + "data: [DONE]\n\n"
    *given, done = parse(kept)
    assert [loads(event.data) for event in given] == [*chunks, {**last, "sources": []}]
    assert done == Event(b"[DONE]")
