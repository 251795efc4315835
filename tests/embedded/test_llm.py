"""The extractive llm through the openai client, and its answers."""

import json

import openai
import pytest

QUESTION = "How many days of vacation do employees get?"
DOCUMENTS = [
    {"text": "Handbook > Leave\nEmployees get 27 days of vacation. Ask early.", "source": "handbook.md"},
    {"text": "Boats are blue.", "source": "boats.txt"},
]
QUOTE = "From handbook.md: \u201cEmployees get 27 days of vacation.\u201d"
NOTE = "(extractive answer: sentences quoted from your documents)"


@pytest.fixture
def client(pipeline):
    with openai.OpenAI(base_url=f"{pipeline.llm.url}/v1", api_key="none") as made:
        yield made


def ask(client, content=QUESTION, documents=DOCUMENTS, **more):
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(
        model="x", messages=messages, extra_body={"documents": documents}, **more
    )


def test_whole_answer(client):
    answer = ask(client)
    assert answer.choices[0].message.content == f"{QUOTE}\n\n{NOTE}"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "opea-extractive"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert [model.id for model in client.models.list()] == ["opea-extractive"]


def test_streamed_answer(client):
    with ask(client, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks[:-1]]
    assert "".join(pieces) == ask(client).choices[0].message.content
    assert len([piece for piece in pieces if piece]) > 4
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_ends_with_done(pipeline):
    body = {"messages": QUESTION, "documents": ["Employees get 27 days of vacation."], "stream": True}
    answer = pipeline.llm.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert all(
        json.loads(event.removeprefix("data: "))["object"] == "chat.completion.chunk" for event in events[:-2]
    )


OPEA_PROMPT = f"""
    ### You are helpful.
    ### Search results: Boats are blue.
Employees get 27 days of vacation.

    ### Question: {QUESTION}

    ### Answer:
"""


@pytest.mark.parametrize(
    "prompt",
    [
        OPEA_PROMPT,
        [
            {
                "type": "text",
                "text": f"### Search results: Employees get 27 days of vacation.\n### Question: {QUESTION}",
            }
        ],
    ],
)
def test_the_rag_prompt_is_read(client, prompt):
    content = ask(client, prompt, None).choices[0].message.content
    assert content == f"From the documents: \u201cEmployees get 27 days of vacation.\u201d\n\n{NOTE}"


@pytest.mark.parametrize(
    "question",
    [
        "How many days of vacation do employees get?",
        "How many vacation days do employees get?",
        "How many days off do employees get?",
        "How many of the vacation days are for employees?",
    ],
)
def test_what_is_counted_is_the_head_of_its_phrase(client, question):
    assert "27 days" in ask(client, question, DOCUMENTS).choices[0].message.content


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("How many employees are there?", DOCUMENTS),
        ("Who invented the telephone?", DOCUMENTS),
        ("How many days of vacation do interns in Peru get?", DOCUMENTS),
        (QUESTION, []),
        (QUESTION, [""]),
        (QUESTION, [{"title": "no text"}]),
        ("", DOCUMENTS),
        ("???", DOCUMENTS),
        ("### Search results:  \n\n### Question: What now?\n\n### Answer:", None),
    ],
)
def test_what_is_not_there_is_not_known(client, question, documents):
    content = ask(client, question, documents).choices[0].message.content
    assert content.startswith("I don't know")
    assert "27" not in content


def test_opea_requests_of_other_steps_are_answered(pipeline):
    """A flow that passes bodies through sends the reranker's or the retriever's answer."""
    texts = [document["text"] for document in DOCUMENTS]
    params = {"query": QUESTION, "documents": texts, "stream": False, "max_new_tokens": 5}
    answer = pipeline.llm.post("/v1/chat/completions", params)
    assert "27 days" in answer["choices"][0]["message"]["content"]
    searched = {"initial_query": QUESTION, "retrieved_docs": [{"text": text} for text in texts]}
    streamed = pipeline.llm.http.post("/v1/chat/completions", json=searched)
    assert streamed.text.endswith("data: [DONE]\n\n")


def test_a_request_without_messages_is_refused(pipeline):
    answer = pipeline.llm.http.post("/v1/chat/completions", json={"model": "x"})
    assert answer.status_code == 422
    assert answer.json()["detail"]
