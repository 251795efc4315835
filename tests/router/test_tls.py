"""The router's port with TLS: who is answered, what is refused at start, and clients that do not go on."""

import asyncio
import ssl
import time

import aiohttp
import certificates
import pytest

from opea_pulumi.errors import FlowError
from opea_pulumi.router import hash_key, make_tls

KEY = "ask-" + "a" * 40
QUESTION = {"messages": "Where is Paris", "stream": False}
CHUNK = '{"choices": [{"index":0,"delta":{"content":"a"}}]}'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusting(made):
    return ssl.create_default_context(cafile=str(made.ca))


def options(made):
    return "--tls-certificate", made.certificate, "--tls-key", made.key


async def test_it_answers_by_https_with_keys_and_ends_on_sigterm(
    made, trusting, graph, running, http, tmp_path
):
    (tmp_path / "keys").write_text(f"web:{hash_key(KEY)}")
    process, base = await running(graph(), *options(made), "--api-keys-file", tmp_path / "keys")
    base = base.replace("http:", "https:")
    for headers, status in (({}, 401), ({"Authorization": f"Bearer {KEY}"}, 200)):
        asked = http.post(f"{base}/v1/chatqna", json=QUESTION, headers=headers, ssl=trusting)
        async with asked as response:
            assert response.status == status
    async with http.get(f"{base}/health", ssl=False) as response:  # as the container's own check does
        assert response.status == 200
    process.terminate()
    assert (await process.end())[0] == 0


async def test_the_files_may_be_named_by_variables(made, trusting, graph, running, http):
    environment = {
        "OPEA_ROUTER_TLS_CERTIFICATE_FILE": str(made.certificate),
        "OPEA_ROUTER_TLS_KEY_FILE": str(made.key),
    }
    _, base = await running(graph(), **environment)
    async with http.get(base.replace("http:", "https:") + "/health", ssl=trusting) as response:
        assert response.status == 200


async def test_a_stream_comes_piece_by_piece(chatqna, made, trusting, graph, running, http):
    chatqna["llm"].answers({"sse": [CHUNK, CHUNK, "[DONE]"]})
    chatqna["llm"].go.clear()
    _, base = await running(graph(), *options(made))
    asking = http.post(
        base.replace("http:", "https:") + "/v1/chatqna", json={"messages": "Where is Paris"}, ssl=trusting
    )
    asked = asyncio.ensure_future(asking)
    await asyncio.wait_for(chatqna["llm"].started.wait(), 10)
    chatqna["llm"].go.set()
    async with await asked as response:
        assert (await response.text()).count("data: b'a'") == 2


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_neither_plain_http_nor_an_old_version_nor_a_stranger_is_answered(made, graph, running, http):
    _, base = await running(graph(), *options(made))
    with pytest.raises(aiohttp.ClientError):
        await http.get(f"{base}/health")
    secure = base.replace("http:", "https:")
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await http.get(f"{secure}/health")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(aiohttp.ClientError):
        await http.get(f"{secure}/health", ssl=old)
    async with http.get(f"{secure}/health", ssl=False) as response:
        assert response.status == 200


async def test_a_handshake_that_does_not_come_is_cut(made, graph, start):
    base = await start(graph(), tls=make_tls(str(made.certificate), str(made.key)), header_timeout=0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    began = time.perf_counter()
    assert await asyncio.wait_for(reader.read(), 10) == b""
    assert time.perf_counter() - began < 5
    writer.close()


async def test_a_head_that_does_not_come_is_cut_behind_tls_too(made, trusting, graph, start, http):
    base = await start(graph(), tls=make_tls(str(made.certificate), str(made.key)), header_timeout=0.3)
    port = int(base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
    writer.write(b"GET /health HTTP/1.1\r\nHost: ")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await asyncio.wait_for(reader.readexactly(1), 10)
    writer.close()
    async with http.get(f"https://127.0.0.1:{port}/metrics", ssl=trusting) as response:
        assert 'connections_cut_total{reason="slow-head"} 1.0' in await response.text()


@pytest.mark.parametrize(
    ("certificate", "key", "code", "words"),
    [
        ("certificate", None, "bad-tls", "both a certificate and its key"),
        (None, "key", "bad-tls", "both a certificate and its key"),
        ("", "", "bad-tls", "both a certificate and its key"),
        ("certificate", "missing", "unreadable", "cannot be read"),
        ("certificate", "ca", "bad-tls", "no certificate with its private key"),
        ("garbage", "key", "bad-tls", "no certificate with its private key"),
        ("certificate", "other", "bad-tls", "another certificate's"),
        ("certificate", "locked", "bad-tls", "has a passphrase"),
    ],
)
def test_what_is_refused_at_start(certificate, key, code, words, made, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "garbage").write_text("canary")
    files = {
        "certificate": made.certificate,
        "key": made.key,
        "ca": made.ca,
        "missing": tmp_path / "missing",
        "garbage": tmp_path / "garbage",
        "other": certificates.make(tmp_path / "other").key,
        "locked": certificates.with_passphrase(made.key, tmp_path / "locked"),
    }
    with pytest.raises(FlowError) as caught:
        make_tls(*(str(files[name]) if name else name for name in (certificate, key)))
    assert caught.value.code == code
    assert words in caught.value.message
    assert "canary" not in str(caught.value)


def test_without_both_there_is_none():
    assert make_tls(None, None) is None
