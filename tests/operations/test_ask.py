import socket
import threading

import pytest
from application_server import Reply, delta, events, reply

from opea_pulumi.errors import OperationError
from opea_pulumi.operations import Application, Source, ask

_PATH = "/v1/chat/completions"


def test_pieces_then_the_whole_with_its_sources(server, application):
    server.documents["handbook.md"] = "27 days"
    answer = ask(application, "How many days?", k=3)
    assert server.paths() == ["/graph"], "nothing is sent before the answer is read"
    assert list(answer) == ["An ", "answer."]
    assert answer.text == "An answer."
    assert answer.sources == [Source("handbook.md", "27 days")]
    sent = server.requests[-1].json
    assert sent == {"messages": [{"role": "user", "content": "How many days?"}], "stream": True, "k": 3}


def test_pieces_come_while_the_answer_is_written(server, application):
    """The server sends the second piece only once the first was read."""
    is_read = threading.Event()
    first, second = events(delta("one"), delta("two"), done=False).parts
    server.replies[_PATH] = Reply(200, (first, second, b"data: [DONE]\n\n"), before_part={1: is_read})
    pieces = iter(ask(application, "q"))
    assert next(pieces) == "one"
    is_read.set()
    assert list(pieces) == ["two"]


def test_read_gives_the_whole(server, application):
    assert ask(application, "q").read() == "An answer."


def test_an_error_in_the_middle_keeps_what_came(server, application):
    failure = {"error": {"code": "timeout", "step": "llm", "message": "no token for 60 s"}}
    server.replies[_PATH] = events(delta("Half"), ("error", failure), done=False, cut=True)
    answer = ask(application, "q")
    with pytest.raises(OperationError) as caught:
        answer.read()
    assert answer.text == "Half"
    assert caught.value.code == "timeout"
    assert caught.value.message == "the answer broke off: no token for 60 s (step llm)"


@pytest.mark.parametrize(
    "answer",
    [
        events(delta("Half"), cut=True, done=False),
        events(delta("Half"), done=False),
        events(delta("Half"), "{not json"),
        events(delta("Half"), "5"),
        events(delta("Half"), {"choices": [], "sources": [{"name": "x"}]}),
    ],
    ids=["connection lost", "no end mark", "no JSON", "no object", "sources of another form"],
)
def test_an_answer_that_breaks_off_is_never_taken_for_whole(server, application, answer):
    server.replies[_PATH] = answer
    with pytest.raises(OperationError) as caught:
        ask(application, "q").read()
    assert caught.value.code == "broken-answer"
    assert caught.value.message.startswith("the answer broke off: ")


@pytest.mark.parametrize(("status", "hint"), [(502, "opea-pulumi logs"), (503, "opea-pulumi up")])
def test_a_failed_step_is_named(server, application, status, hint):
    error = {"error": {"code": "upstream-refused", "step": "retrieval", "message": "connection refused"}}
    server.replies[_PATH] = reply(error, status)
    with pytest.raises(OperationError) as caught:
        ask(application, "q").read()
    assert caught.value.message == f"the application: {status}: connection refused (step retrieval)"
    assert caught.value.code == "upstream-refused"
    assert hint in caught.value.hint


def test_the_application_is_gone(application):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = Application(f"http://127.0.0.1:{taken.getsockname()[1]}", application.flow)
        with pytest.raises(OperationError) as caught:
            ask(gone, "q").read()
    assert caught.value.code == "unreachable"
