"""The smoke test against a server that plays every hop, with one of them broken at a time."""

import pytest
from application_server import ApplicationServer, Reply, delta, events, reply, serving

from opea_pulumi.operations import connect, smoke_test

HOPS = ["dataprep", "embedding", "retrieval", "reranking", "llm", "router"]
_CHAT = "/v1/chat/completions"


def test_every_hop_keeps_the_fact(server, application):
    server.documents["handbook.md"] = "27 days"
    results = list(smoke_test(application))
    assert [result.hop for result in results] == HOPS
    assert [result.error for result in results] == [""] * len(HOPS)
    assert all(result.seconds > 0 for result in results)
    assert server.documents == {"handbook.md": "27 days"}


def _bread_first(request):
    return reply({"documents": [request.json["retrieved_docs"][0]["text"]]})


BROKEN = [
    ("dataprep", "/dataprep/v1/dataprep/ingest", reply({"detail": "disk full"}, 500), "500: disk full"),
    ("embedding", "/embedding/v1/embeddings", reply({"data": [{"embedding": [0, 0.0]}]}), "all zeros"),
    ("embedding", "/embedding/v1/embeddings", reply({"data": []}), "another form"),
    ("embedding", "/embedding/v1/embeddings", Reply(200, (b"hello",)), "no JSON"),
    ("retrieval", "/retrieval/v1/retrieval", reply({"retrieved_docs": []}), "index name"),
    ("retrieval", "/retrieval/v1/retrieval", reply({"retrieved_docs": [{"text": "x"}]}), "embedding model"),
    ("retrieval", "/retrieval/v1/retrieval", reply([]), "another form"),
    ("reranking", "/reranking/v1/reranking", _bread_first, "baking bread"),
    ("llm", "/llm/v1/chat/completions", reply({"choices": [{"message": {"content": " "}}]}), "empty"),
    ("llm", "/llm/v1/chat/completions", reply({"error": "no model"}), "another form"),
    ("router", _CHAT, events(delta("Perhaps.")), "does not rest on what was stored"),
    ("router", _CHAT, reply({"error": {"code": "upstream", "step": "llm", "message": "gone"}}, 502), "llm"),
]


@pytest.mark.parametrize(("hop", "path", "answer", "said"), BROKEN)
def test_the_first_hop_that_loses_the_fact_is_named(server, application, hop, path, answer, said):
    server.replies[path] = answer
    results = list(smoke_test(application))
    assert [result.hop for result in results] == HOPS[: HOPS.index(hop) + 1]
    assert [bool(result.error) for result in results] == [False] * (len(results) - 1) + [True]
    assert said in results[-1].error
    assert server.documents == {}, "the fact is taken out again"


def test_an_empty_answer_of_the_router(server, application):
    def silent(_request):
        return events({"choices": [], "sources": [{"source": "x", "text": fact} for fact in facts()]})

    def facts():
        return list(server.documents.values())

    server.replies[_CHAT] = silent
    assert list(smoke_test(application))[-1].error == "router: the answer is empty"


def test_the_fact_is_taken_out_when_the_test_is_given_up(server, application):
    running = smoke_test(application)
    next(running)
    assert len(server.documents) == 1
    running.close()
    assert server.documents == {}


def test_a_flow_without_documents():
    with serving(ApplicationServer(steps=("llm",))) as server:
        server.replies[_CHAT] = events(delta("Hello."))
        results = list(smoke_test(connect(server.outputs)))
        assert [(result.hop, result.error) for result in results] == [("llm", ""), ("router", "")]
        assert "/v1/dataprep/delete" not in server.paths()


def test_external_steps_are_reached_through_the_router_only():
    """Their key is the router's; where the embedding is external no vector can be made to look with."""
    with serving(ApplicationServer(external=("embedding", "llm"))) as server:
        server.replies[_CHAT] = events(delta("Hello."))
        results = list(smoke_test(connect(server.outputs)))
        assert [(result.hop, result.error) for result in results] == [
            ("dataprep", ""),
            ("reranking", ""),
            ("router", ""),
        ]
        assert not any(path.startswith(("/embedding", "/llm")) for path in server.paths())
