"""Reading client requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.router import RouterError
from opea_pulumi.router._prompt import rag_prompt
from opea_pulumi.router._request import flatten, parse_object, read_request

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ("messages", "text", "query", "parameters", "stream", "model", "k", "max_tokens", "chat_template")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_request_is_read_or_refused(document):
    talk = outcome(read_request, document, {}, stream=True, name="app")
    if isinstance(talk, RouterError):
        assert talk.status == 400
    else:
        assert isinstance(talk.query, str)
        assert isinstance(talk.parameters["stream"], bool)


def outcome(function, *arguments, **options):
    """What a function gives, or the RouterError it raises; any other exception goes on."""
    try:
        return function(*arguments, **options)
    except RouterError as error:
        return error


@given(st.binary())
def test_any_body_is_parsed_or_refused(body):
    found = outcome(parse_object, body)
    assert isinstance(found, dict) or found.status == 400


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        ([{"role": "user", "content": "Hi"}], "Hi"),
        ([{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}], "S\nHi"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "user: a\nassistant: b"),
        ([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}], "a"),
        ([{"role": "assistant", "content": None}, {"role": "user", "content": "b"}], "assistant: \nuser: b"),
    ],
)
def test_flatten(messages, text):
    assert flatten(messages) == text


def test_null_means_absent():
    talk = read_request({"text": "a", "k": None, "stream": None}, {"k": 9}, stream=True, name="app")
    assert (talk.parameters["k"], talk.parameters["stream"]) == (9, True)


def test_parameters_of_release_1_1():
    document = {"text": "a", "top_n": 2, "parameters": {"max_new_tokens": 17, "top_n": 5}}
    talk = read_request(document, {}, stream=True, name="app")
    assert (talk.parameters["max_tokens"], talk.parameters["top_n"]) == (17, 2)


@pytest.mark.parametrize(("model", "sent"), [("app", "served"), (None, "served"), ("other", "other")])
def test_the_applications_name_is_no_model(model, sent):
    talk = read_request({"text": "a", "model": model}, {"model": "served"}, stream=True, name="app")
    assert talk.parameters["model"] == sent


@given(st.text(), st.lists(st.text()))
def test_the_prompt_holds_question_and_passages(question, passages):
    prompt = rag_prompt(question, passages)
    context = "\n".join(passages)
    assert f"### Search results: {context}\n\n### Question: {question}\n" in prompt


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("Q {question}", "Q why {x}"),
        ("{context}|{question}|{context}", "a\nb|why {x}|a\nb"),
        ("{{{question}}}", "{why {x}}"),
    ],
)
def test_templates(template, prompt):
    assert rag_prompt("why {x}", ["a", "b"], template) == prompt
