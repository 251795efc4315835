"""What a client shows and trusts: the key goes to the router alone, an authority is the user's own."""

import ssl

import certificates
import pytest
from application_server import ApplicationServer, reply, serving

from opea_pulumi.errors import OperationError
from opea_pulumi.flow import Contract
from opea_pulumi.operations import access, ask, connect

KEY = "web-" + "a" * 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


def refusal(status, code):
    return reply({"error": {"code": code, "step": None, "message": "no"}}, status)


def test_nothing_given():
    found = access(environ={})
    assert (found.key, found.headers, found.verify) == ("", {}, True)


def test_a_key_is_shown_in_no_text():
    found = access(environ={"OPEA_API_KEY": f" {KEY}\n"})
    assert found.headers == {"Authorization": f"Bearer {KEY}"}
    assert KEY not in repr(found)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "a\x00b"])
def test_what_no_header_takes_is_refused_unseen(key):
    with pytest.raises(OperationError) as caught:
        access(environ={"OPEA_API_KEY": key})
    assert caught.value.code == "bad-key"
    assert key not in str(caught.value)


def test_an_authority_is_the_flag_s_file_else_the_variable_s(made, tmp_path):
    for found in (
        access(str(made.ca), environ={"SSL_CERT_FILE": str(tmp_path / "none")}),
        access(environ={"SSL_CERT_FILE": str(made.ca)}),
    ):
        assert isinstance(found.verify, ssl.SSLContext)
        assert found.verify.verify_mode is ssl.CERT_REQUIRED
        assert len(found.verify.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "", "garbage"])
def test_a_file_without_certificates(content, tmp_path):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(OperationError) as caught:
        access(str(file), environ={})
    assert caught.value.code == "bad-ca"
    assert str(file) in str(caught.value)


class Guarded(ApplicationServer):
    """Lets in who has the key."""

    def answer(self, request):
        answer = super().answer(request)
        return answer if request.authorization == f"Bearer {KEY}" else refusal(401, "no-key")


def test_the_key_goes_to_a_router_that_asks_for_it_and_to_no_step():
    own = access(environ={"OPEA_API_KEY": KEY})
    with serving(Guarded()) as server, serving() as step:
        application = connect(server.outputs, access=own)
        ask(application, "Where?").read()
        application.send("a step", "POST", f"{step.url}/embedding/v1/embeddings", json={})
    assert [bool(request.authorization) for request in server.requests] == [False, True, True]
    assert [request.authorization for request in step.requests] == [""]


def test_who_asks_for_no_key_gets_none(server):
    ask(connect(server.outputs, access=access(environ={"OPEA_API_KEY": KEY})), "Where?").read()
    assert {request.authorization for request in server.requests} == {""}


@pytest.mark.parametrize(
    ("status", "code", "words"), [(401, "no-key", "OPEA_API_KEY"), (403, "wrong-scope", "with that scope")]
)
def test_a_refusal_says_what_to_set(status, code, words, server):
    application = connect(server.outputs)
    server.replies["/v1/chat/completions"] = refusal(status, code)
    with pytest.raises(OperationError) as caught:
        ask(application, "Where?").read()
    assert caught.value.code == code
    assert words in caught.value.hint


def test_a_key_for_documents_alone_need_not_see_the_graph(server):
    server.replies["/graph"] = refusal(403, "wrong-scope")
    own = access(environ={"OPEA_API_KEY": KEY})
    assert connect(server.outputs, access=own, need_graph=False).access.key == KEY
    assert connect(server.outputs, need_graph=False).step(Contract.LLM) is None
    with pytest.raises(OperationError) as caught:
        connect(server.outputs)
    assert caught.value.code == "wrong-scope"
