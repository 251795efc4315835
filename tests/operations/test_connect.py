import json
import socket

import pytest
from application_server import Reply, reply

from opea_pulumi.errors import OperationError
from opea_pulumi.flow import Contract
from opea_pulumi.operations import ask, connect, documents


def test_the_router_tells_its_graph(server):
    application = connect({"endpoints": {"router": server.url + "/"}})
    assert application.router == server.url
    assert [step.name for step in application.steps] == list(server.steps)
    assert application.step(Contract.RETRIEVAL).url == f"{server.url}/retrieval/v1/retrieval"
    assert application.step(Contract.UI) is None


@pytest.mark.parametrize("outputs", [{}, {"endpoints": None}, {"endpoints": {"llm": "http://127.0.0.1:1"}}])
def test_a_stack_without_a_router(outputs):
    with pytest.raises(OperationError) as caught:
        connect(outputs)
    assert caught.value.code == "no-router"
    assert "opea-pulumi up" in caught.value.hint


def test_nothing_listens_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused, and nobody else gets it
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OperationError) as caught:
            connect({"endpoints": {"router": url}})
    assert caught.value.code == "unreachable"
    assert f"router at {url}/graph does not answer" in caught.value.message
    assert "opea-pulumi status" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, (b"<html>some other program</html>",), "text/html"),
        reply({"version": "1.0"}),
        reply([1, 2]),
        reply({"spec": {"nodes": {"other": {"steps": []}}}}),
    ],
)
def test_another_program_on_the_port(server, answer):
    server.replies["/graph"] = answer
    with pytest.raises(OperationError) as caught:
        connect(server.outputs)
    assert caught.value.code == "no-router"
    assert server.url in caught.value.message


def test_another_program_that_knows_no_graph(server):
    server.replies["/graph"] = Reply(404, (b"nothing here",), "text/plain")
    with pytest.raises(OperationError, match="router: 404: nothing here"):
        connect(server.outputs)


def test_a_proxy_of_the_user_is_not_asked(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert connect(server.outputs).steps


def mega(server, application="chatqna", **more):
    graph = '{"spec":{"nodes":{"root":{"routerType":"Sequence","steps":[]}}}}'
    return {
        "url": "http://127.0.0.1:1/v1/x",
        "endpoints": {"megaservice": server.url + "/"},
        "mega": {
            "orchestrator": "megaservice",
            "application": application,
            "release": "1.5",
            "endpoint": f"/v1/{application}",
            "graph": graph,
            **more,
        },
    }


def test_where_opea_s_image_runs_the_flow_the_stack_tells_it(server):
    application = connect(mega(server))
    assert application.router == server.url
    assert application.mega.url == f"{server.url}/v1/chatqna"
    assert application.steps == ()
    assert application.mega.body("Why?", {"k": 2}) == {"messages": "Why?", "stream": False, "k": 2}


def test_a_megaservice_that_takes_no_text_says_what_it_takes(server):
    with pytest.raises(OperationError) as caught:
        ask(connect(mega(server, "audioqna")), "Why?").read()
    assert caught.value.code == "no-question"
    assert "takes the question's sound from its request" in caught.value.message
    assert f"POST {server.url}/v1/audioqna" in caught.value.hint


def test_the_operator_s_router_is_asked_by_other_means(server):
    with pytest.raises(OperationError) as caught:
        connect(mega(server, orchestrator="gmc"))
    assert caught.value.code == "no-router"
    assert "POST http://127.0.0.1:1/v1/x" in caught.value.hint


def test_documents_go_to_dataprep_itself_where_opea_s_image_runs_the_flow(server):
    step = {"name": "dataprep", "serviceUrl": f"{server.url}/dataprep/v1/dataprep/ingest"}
    step["internalService"] = {"serviceName": "dataprep", "isDownstreamService": True}
    graph = {"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": [step]}}}}
    documents(connect(mega(server, graph=json.dumps(graph))))
    assert server.requests[-1].path == "/dataprep/v1/dataprep/get"


def test_an_application_without_dataprep_takes_no_documents(server):
    with pytest.raises(OperationError) as caught:
        documents(connect(mega(server, "audioqna")))
    assert caught.value.code == "no-dataprep"
