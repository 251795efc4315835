"""The shapes of embedding, retriever and reranking: OPEA's, OpenAI's and TEI's."""

import numpy as np
import openai
import pytest

TEXTS = ["The cat sleeps on the sofa.", "Invoices are due within 30 days.", "A kitten naps."]


def chat(**more):
    return {"messages": [{"role": "user", "content": "What is due?"}], "max_tokens": 7, **more}


def test_openai_client_gets_embeddings(pipeline):
    with openai.OpenAI(base_url=f"{pipeline.embedding.url}/v1", api_key="none") as client:
        coded = client.embeddings.create(model="any", input=TEXTS)
        plain = client.embeddings.create(model="any", input="two\nlines", encoding_format="float")
    assert coded.model == "wordllama-256"
    assert [item.index for item in coded.data] == [0, 1, 2]
    assert coded.usage.prompt_tokens > 10
    vectors = np.array([item.embedding for item in coded.data])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1]
    same = pipeline.embedding.post("/v1/embeddings", {"input": "two lines"})
    assert plain.data[0].embedding == same["data"][0]["embedding"]


def test_text_doc_becomes_embed_doc(pipeline):
    answer = pipeline.embedding.post("/v1/embeddings", {"text": TEXTS[0]})
    assert answer["text"] == TEXTS[0]
    assert len(answer["embedding"]) == 256
    assert (answer["search_type"], answer["k"], answer["fetch_k"]) == ("similarity", 4, 20)


@pytest.mark.parametrize("model", ["wordllama-256", "wordllama-128", "wordllama-64"])
def test_tei_embed_and_info(start, model):
    service = start("embedding", EMBEDDING_MODEL_ID=model)
    info = service.http.get("/info").json()
    assert info["model_id"] == model
    assert {"model_dtype", "model_type", "max_client_batch_size", "max_input_length", "version"} <= set(info)
    assert info["model_type"] == {"embedding": {"pooling": "mean"}}
    one = service.post("/embed", {"inputs": TEXTS[0], "truncate": True})
    many = service.post("/embed", {"inputs": TEXTS, "normalize": False})
    assert service.post("/", {"inputs": TEXTS[0], "truncate": True}) == one, "OPEA's clients ask the root"
    assert np.shape(one) == (1, int(model.split("-")[1]))
    assert np.shape(many) == (3, int(model.split("-")[1]))
    assert np.linalg.norm(one[0]) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(many[0]) != pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"inputs": []}, 400),
        ({"inputs": ["x"] * 1025}, 413),
        ({"inputs": 5}, 422),
        ({}, 422),
    ],
)
def test_tei_embed_refuses(pipeline, body, status):
    assert pipeline.embedding.http.post("/embed", json=body).status_code == status


def test_embeddings_refuse_tokens_and_other_dimensions(pipeline):
    for body in ({"input": [1, 2]}, {"input": "x", "dimensions": 100}, {"input": []}):
        answer = pipeline.embedding.http.post("/v1/embeddings", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "bad-input"


def test_tei_rerank(pipeline):
    body = {"query": "When are invoices due?", "texts": TEXTS}
    ranked = pipeline.reranking.post("/rerank", body)
    assert pipeline.reranking.post("/", body) == ranked
    assert ranked[0]["index"] == 1
    assert [item["score"] for item in ranked] == sorted((item["score"] for item in ranked), reverse=True)
    assert all(set(item) == {"index", "score"} and 0 <= item["score"] <= 1 for item in ranked)
    assert pipeline.reranking.post("/rerank", body | {"return_text": True})[0]["text"] == TEXTS[1]
    assert pipeline.reranking.http.post("/rerank", json={"query": "x", "texts": []}).status_code == 400
    assert "reranker" in pipeline.reranking.http.get("/info").json()["model_type"]


def test_reranking_answers_in_the_form_it_was_asked(pipeline):
    docs = [{"text": text} for text in TEXTS]
    searched = {"initial_query": "When are invoices due?", "retrieved_docs": docs, "top_n": 1}
    answer = pipeline.reranking.post("/v1/reranking", searched)
    assert (answer["query"], answer["documents"]) == ("When are invoices due?", [TEXTS[1]])
    request = {"input": "When are invoices due?", "retrieved_docs": docs, "top_n": 2}
    answer = pipeline.reranking.post("/v1/reranking", request)
    assert answer["reranked_docs"][0]["text"] == TEXTS[1]
    assert len(answer["reranked_docs"]) == 2
    answer = pipeline.reranking.post(
        "/v1/reranking", chat(retrieved_docs=docs, input="When are invoices due?")
    )
    assert (answer["documents"], answer["max_tokens"]) == ([TEXTS[1]], 7)
    nothing = pipeline.reranking.post("/v1/reranking", {"initial_query": "x", "retrieved_docs": []})
    assert nothing["documents"] == []


@pytest.fixture(scope="module")
def filled(pipeline):
    pipeline.ingest(*((f"{number}.txt", text.encode()) for number, text in enumerate(TEXTS)))
    return pipeline


def embedded(pipeline, text):
    return pipeline.embedding.post("/v1/embeddings", {"input": text})


def test_retriever_answers_in_the_form_it_was_asked(filled):
    response = embedded(filled, "What is due?")
    vector = response["data"][0]["embedding"]
    answer = filled.retriever.post("/v1/retrieval", {"text": "What is due?", "embedding": vector, "k": 2})
    assert answer["retrieved_docs"][0]["text"] == TEXTS[1]
    assert len(answer["retrieved_docs"]) == len(answer["metadata"]) == 2
    assert (answer["initial_query"], answer["top_n"]) == ("What is due?", 1)
    assert answer["metadata"][0]["source"] == "1.txt"
    for embedding in (vector, response):
        answer = filled.retriever.post("/v1/retrieval", {"input": "What is due?", "embedding": embedding})
        assert set(answer) == {"retrieved_docs"}
        assert answer["retrieved_docs"][0]["text"] == TEXTS[1]
        assert answer["retrieved_docs"][0]["metadata"]["source"] == "1.txt"
    answer = filled.retriever.post("/v1/retrieval", chat(embedding=vector, k=1))
    assert (answer["documents"], answer["max_tokens"]) == ([TEXTS[1]], 7)
    assert answer["messages"] == chat()["messages"]


def test_search_types(filled):
    def texts(**params):
        return [doc["text"] for doc in filled.retrieve("cat", **params)["retrieved_docs"]]

    def scores(**params):
        return [item["score"] for item in filled.retrieve("cat", **params)["metadata"]]

    assert len(texts(k=1)) == 1
    near = max(scores())
    assert scores(search_type="similarity_score_threshold", score_threshold=near - 1e-4) == [near]
    assert texts(search_type="similarity_score_threshold", score_threshold=0.999) == []
    assert scores(search_type="similarity_distance_threshold", distance_threshold=1 - near + 1e-4) == [near]
    assert len(texts(search_type="similarity_distance_threshold")) == 3  # no threshold given
    # With diversity alone counting, the second passage is not the other one about cats.
    assert texts(search_type="mmr", k=2, lambda_mult=1.0) == [TEXTS[0], TEXTS[2]]
    assert texts(search_type="mmr", k=2, lambda_mult=0.0)[1] == TEXTS[1]
    wrong = filled.retriever.http.post(
        "/v1/retrieval", json={"text": "x", "embedding": [1.0], "search_type": "magic"}
    )
    assert wrong.status_code == 422


def test_a_query_without_words_or_vector(filled):
    assert filled.retrieve("")["retrieved_docs"] == []
    answer = filled.retriever.http.post("/v1/retrieval", json=chat())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad-input")
    quoted = filled.retrieve('what "is" due* OR NEAR(')  # full-text syntax means nothing here
    assert quoted["retrieved_docs"][0]["text"] == TEXTS[1]
