"""/v1/embeddings and /v1/rerank; the first with the official client, unchanged."""

import base64
import struct

import openai
import pytest

VECTORS = [[0.5, -1.25], [3.0, 0.0078125]]
ANSWER = {"object": "list", "model": None, "data": [{"index": 0, "embedding": VECTORS[0]}]}
TWO = {"data": [{"index": 1, "embedding": VECTORS[1]}, {"index": 0, "embedding": VECTORS[0]}], "model": "bge"}


def packed(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


@pytest.fixture
async def base(graph, start):
    return await start(graph())


@pytest.fixture
async def client(base):
    async with openai.AsyncOpenAI(base_url=base + "/v1", api_key="of-the-caller", max_retries=0) as made:
        yield made


async def ask(http, url, body):
    async with http.post(url, json=body) as response:
        return response.status, await response.json()


class TestEmbeddings:
    @pytest.mark.parametrize("form", [None, "float", "base64"])
    async def test_the_official_client(self, form, client, chatqna):
        """Without a format it asks for base64, and unpacks it."""
        chatqna["embedding"].answers({"json": TWO})
        arguments = {} if form is None else {"encoding_format": form}
        answer = await client.embeddings.create(model="chatqna", input=["a", "b"], **arguments)
        found = [item.embedding for item in answer.data]
        assert found == ([packed(one) for one in VECTORS] if form == "base64" else VECTORS)
        assert [item.index for item in answer.data] == [0, 1]
        assert answer.model == "bge"
        (call,) = chatqna["embedding"].calls
        assert call.path == "/v1/embeddings"
        assert call.json == {"input": ["a", "b"], "encoding_format": form or "base64"}
        assert call.headers["Authorization"] == "Bearer of-the-caller"

    @pytest.mark.parametrize(("form", "given"), [("float", VECTORS[0]), ("base64", packed(VECTORS[0]))])
    async def test_a_step_that_packs_itself(self, form, given, base, chatqna, http):
        chatqna["embedding"].answers({"json": {"data": [{"embedding": packed(VECTORS[0])}]}})
        status, answer = await ask(http, base + "/v1/embeddings", {"input": "a", "encoding_format": form})
        assert status == 200
        assert answer["data"] == [{"object": "embedding", "index": 0, "embedding": given}]

    async def test_defaults_and_other_fields(self, base, chatqna, http):
        chatqna["embedding"].answers({"json": ANSWER})
        body = {"input": "a", "model": "bge-small", "dimensions": 2, "user": "u"}
        status, answer = await ask(http, base + "/v1/embeddings", body)
        assert (status, answer["data"][0]["embedding"]) == (200, VECTORS[0])
        assert answer["usage"] == {"prompt_tokens": 0, "total_tokens": 0}
        assert answer["model"] == "bge-small"
        assert chatqna["embedding"].calls[0].json == body

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "bad-input"),
            ({"input": ""}, "bad-input"),
            ({"input": []}, "bad-input"),
            ({"input": "a", "encoding_format": "int8"}, "bad-encoding"),
            ([], "not-an-object"),
        ],
    )
    async def test_bad_requests(self, body, code, base, chatqna, http):
        status, answer = await ask(http, base + "/v1/embeddings", body)
        assert (status, answer["error"]["code"]) == (400, code)
        assert not chatqna["embedding"].calls

    @pytest.mark.parametrize(
        "answer",
        [
            {"json": {}},
            {"json": []},
            {"json": {"data": None}},
            {"json": {"data": [{"embedding": []}]}},
            {"json": {"data": [{"embedding": ["a"]}]}},
            {"json": {"data": [{"embedding": [1e300]}]}},
            {"json": {"data": [{"embedding": "not base64!"}]}},
            {"text": "<html>"},
        ],
    )
    @pytest.mark.parametrize("form", ["float", "base64"])
    async def test_bad_answers(self, answer, form, base, chatqna, http):
        chatqna["embedding"].answers(answer)
        status, found = await ask(http, base + "/v1/embeddings", {"input": "a", "encoding_format": form})
        assert (status, found["error"]["code"], found["error"]["step"]) == (
            502,
            "upstream-garbage",
            "embedding",
        )

    async def test_failures(self, client, chatqna):
        chatqna["embedding"].answers({"status": 503, "json": {"detail": "busy"}})
        with pytest.raises(openai.InternalServerError) as caught:
            await client.embeddings.create(model="chatqna", input="a")
        assert (caught.value.status_code, caught.value.code) == (503, "upstream-status")

    async def test_a_step_in_a_node_is_found(self, chatqna, start, http):
        internal = {"isDownstreamService": True}
        tei = {"name": "embedding", "internalService": internal, "serviceUrl": "http://127.0.0.1:9"}
        step = {"name": "embedding-2", "serviceUrl": chatqna["embedding"].url + "/v1/embeddings"}
        llm = {"name": "llm", "serviceUrl": chatqna["llm"].url}
        nodes = {
            "root": {"routerType": "Sequence", "steps": [tei, {"nodeName": "find"}, llm]},
            "find": {"routerType": "Ensemble", "steps": [step]},
        }
        base = await start({"spec": {"nodes": nodes}}, mode="aligned")
        status, _ = await ask(http, base + "/v1/embeddings", {"input": "a"})
        assert status == 200
        assert len(chatqna["embedding"].calls) == 1


class TestRerank:
    QUERY = {"query": "Where is Paris", "documents": ["Cats purr.", {"text": "Paris is in France."}]}
    SCORED = {
        "reranked_docs": [{"text": "Paris is in France.", "score": 0.9}, {"text": "Cats purr.", "score": 0.1}]
    }

    async def test_the_documents_in_order(self, base, chatqna, http):
        chatqna["reranking"].answers({"json": self.SCORED})
        status, answer = await ask(http, base + "/v1/rerank", {**self.QUERY, "model": "m"})
        assert status == 200
        assert answer.pop("id").startswith("rerank-")
        assert answer == {
            "model": "m",
            "results": [
                {"index": 1, "relevance_score": 0.9, "document": {"text": "Paris is in France."}},
                {"index": 0, "relevance_score": 0.1, "document": {"text": "Cats purr."}},
            ],
        }
        (call,) = chatqna["reranking"].calls
        assert call.path == "/v1/reranking"
        assert call.json == {
            "input": "Where is Paris",
            "retrieved_docs": [{"text": "Cats purr."}, {"text": "Paris is in France."}],
            "top_n": 2,
        }

    async def test_the_same_text_twice(self, base, chatqna, http):
        docs = [{"text": "b", "score": 3}, {"text": "a", "score": 2}, {"text": "b", "score": 1}]
        chatqna["reranking"].answers({"json": {"reranked_docs": docs}})
        _, answer = await ask(http, base + "/v1/rerank", {"query": "q", "documents": ["b", "a", "b"]})
        assert [(one["index"], one["relevance_score"]) for one in answer["results"]] == [
            (0, 3),
            (1, 2),
            (2, 1),
        ]

    async def test_top_n_and_without_documents(self, base, chatqna, http):
        chatqna["reranking"].answers({"json": self.SCORED})
        body = {**self.QUERY, "top_n": 1, "return_documents": False}
        _, answer = await ask(http, base + "/v1/rerank", body)
        assert answer["results"] == [{"index": 1, "relevance_score": 0.9}]
        assert chatqna["reranking"].calls[0].json["top_n"] == 1

    async def test_a_step_without_scores(self, base, chatqna, http):
        chatqna["reranking"].answers({"json": {"query": "q", "documents": ["Paris is in France."]}})
        _, answer = await ask(http, base + "/v1/rerank", self.QUERY)
        assert [(one["index"], one["relevance_score"]) for one in answer["results"]] == [(1, None)]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"query": ""}, "no-question"),
            ({"query": 5}, "no-question"),
            ({"documents": []}, "bad-documents"),
            ({"documents": "a"}, "bad-documents"),
            ({"documents": [5]}, "bad-documents"),
            ({"documents": [{"title": "a"}]}, "bad-documents"),
            ({"documents": None}, "bad-documents"),
            ({"top_n": 0}, "bad-top-n"),
            ({"top_n": "1"}, "bad-top-n"),
            ({"top_n": True}, "bad-top-n"),
        ],
    )
    async def test_bad_requests(self, change, code, base, chatqna, http):
        status, answer = await ask(http, base + "/v1/rerank", {**self.QUERY, **change})
        assert (status, answer["error"]["code"]) == (400, code)
        assert not chatqna["reranking"].calls

    @pytest.mark.parametrize(
        "answer",
        [{}, [], {"reranked_docs": [{"text": "another"}]}, {"reranked_docs": [5]}, {"documents": None}],
    )
    async def test_bad_answers(self, answer, base, chatqna, http):
        chatqna["reranking"].answers({"json": answer})
        status, found = await ask(http, base + "/v1/rerank", self.QUERY)
        assert (status, found["error"]["step"]) == (502, "reranking")


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/rerank"])
async def test_a_flow_without_such_a_step(path, graph, start, http):
    base = await start(graph(steps=("llm",)))
    status, answer = await ask(http, base + path, {"input": "a", "query": "a", "documents": ["a"]})
    assert (status, answer["error"]["code"]) == (404, "no-such-step")
