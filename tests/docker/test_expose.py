"""An application that other machines may reach: with keys and TLS, or because somebody said so."""

import dataclasses
import json
import os
import socket
import ssl
from pathlib import Path

import certificates
import httpx
import psutil
import pytest
from opea_command import write_app
from opea_pulumi.stacks.program import run

from opea_pulumi.engine import Progress
from opea_pulumi.errors import OpeaError
from opea_pulumi.router import hash_key

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ASK, INGEST, BOTH = "ask-" + "a" * 40, "ingest-" + "b" * 40, "both-" + "c" * 40
PROTECTED = "opea_app: chatqna\nopea_deployment: {profile: embedded, auth: api_key, tls: true}\n"
OPEN = "opea_app: chatqna\nopea_deployment: {profile: embedded}\n"
QUESTION = "How many days of paid vacation do employees receive?"


def own(text, registry):
    return text.replace("{profile", f"{{image_registry: {registry}, profile")


def with_variables(command, **more):
    return dataclasses.replace(command, more={**command.more, **more})


@pytest.fixture(scope="module")
def address():
    """An address of this host that other machines could reach."""
    rows = [row for rows in psutil.net_if_addrs().values() for row in rows]
    found = [row.address for row in rows if row.family is socket.AF_INET]
    return next(text for text in found if not text.startswith("127."))


@pytest.fixture(scope="module")
def made(tmp_path_factory, address):
    return certificates.make(tmp_path_factory.mktemp("tls"), f"{certificates.NAMES},IP:{address}")


@pytest.fixture(scope="module")
def keys():
    rows = {"web": ("ask", ASK), "loader": ("ingest", INGEST), "nightly": ("ask,ingest", BOTH)}
    return "\n".join(f"{name}:{scopes}:{hash_key(key)}" for name, (scopes, key) in rows.items())


@pytest.fixture(scope="module")
def registry(command, engine_client, own_images):
    """A prefix of our images' names that only these tests use: another checkout's builds change nothing."""
    prefix = command.more["OPEA_TEST_TOKEN"]
    for name in own_images.values():
        repository, _, tag = f"{prefix}/{name}".rpartition(":")
        engine_client.images.get(name).tag(repository, tag)
    yield prefix
    for name in own_images.values():
        engine_client.images.remove(f"{prefix}/{name}", force=True)


@pytest.fixture(scope="module")
def stack(command, made, keys, registry):
    """(name, path of the application, its URL) of a stack that all addresses of this host serve."""
    name, app = command.more["OPEA_TEST_TOKEN"], write_app(command.cwd, own(PROTECTED, registry))
    variables = {
        "OPEA_ROUTER_KEYS": keys,
        "OPEA_TLS_CERTIFICATE_FILE": str(made.certificate),
        "OPEA_TLS_KEY_FILE": str(made.key),
    }
    url = up(with_variables(command, **variables), app, name, "--expose", "0.0.0.0")["outputs"]["url"]
    yield name, app, url
    command.run("destroy", "--stack", name, "--yes", exit_code=None)


def up(command, app, name, *more):
    return command.json("up", str(app), "--target", "docker", "--stack", name, *more)


@pytest.fixture
def asking(command, made):
    """A function: the command with a key, and with our authority."""

    def run(key):
        return with_variables(command, OPEA_API_KEY=key, SSL_CERT_FILE=str(made.ca))

    return run


def test_documents_and_questions_need_a_key_each_of_its_own(stack, asking, command, made):
    name, app, url = stack
    document = str(app / "handbook.md")
    assert url.startswith("https://127.0.0.1:")
    said = asking("").fails("ask", "--stack", name, QUESTION, code="no-key")
    assert "OPEA_API_KEY" in said
    asking("no-" + "d" * 40).fails("ask", "--stack", name, QUESTION, code="no-key")
    failed = asking(ASK).told("ingest", "--stack", name, document)["failed"]
    assert [error["code"] for error in failed] == ["wrong-scope"]
    asking(ASK).fails("ingest", "--stack", name, "--delete", "all", code="wrong-scope")
    asking(INGEST)("ingest", "--stack", name, document)
    asking(INGEST).fails("ask", "--stack", name, QUESTION, code="wrong-scope")
    answer = asking(ASK).json("ask", "--stack", name, QUESTION)
    assert "27" in answer["answer"]
    assert {source["source"] for source in answer["sources"]} == {"handbook.md"}
    trusting = with_variables(command, OPEA_API_KEY=ASK)
    trusting.fails("ask", "--stack", name, QUESTION, code="untrusted-certificate")
    assert "27" in trusting("ask", "--stack", name, "--ca", str(made.ca), QUESTION)


def test_status_needs_no_key_and_the_hops_are_asked_without_it(stack, asking, command):
    name, _, _ = stack
    rows = command.json("status", "--stack", name)["workloads"]
    assert {row["state"] for row in rows} == {"running"}
    hops = asking(BOTH).json("test", "--stack", name)
    assert [hop["hop"] for hop in hops][-1] == "router"
    assert not any(hop["error"] for hop in hops)


def test_another_machine_reaches_it_by_tls_alone(stack, made, address):
    _, _, url = stack
    port = httpx.URL(url).port
    trusted = ssl.create_default_context(cafile=str(made.ca))
    with httpx.Client(verify=trusted, trust_env=False) as client:
        assert client.get(f"https://{address}:{port}/health").status_code == 200
        assert client.get(f"https://{address}:{port}/graph").status_code == 401
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{address}:{port}/health", trust_env=False)


def test_a_second_up_knows_it_all_and_changes_nothing(stack, command):
    name, app, url = stack
    again = up(command, app, name)
    assert set(again["changes"]) == {"same"}
    assert again["outputs"]["url"] == url


def test_neither_keys_nor_the_certificates_key_are_seen(stack, command, made, keys, engine_client):
    name, _, _ = stack
    secret = [line for line in made.key.read_text().splitlines() if "-" not in line]
    secret += [line.rpartition(":")[2] for line in keys.splitlines()]
    found = engine_client.containers.list(all=True, filters={"label": f"opea.stack={name}"})
    shown = json.dumps([engine_client.api.inspect_container(each.id) for each in found])
    shown += "".join(each.logs().decode() for each in found)
    files = [path for path in command.home.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert any("state" in path.parts for path in files)
    shown += "".join(path.read_text("utf-8", "replace") for path in files)
    assert secret
    assert not [text for text in secret if text in shown]
    assert "/run/secrets/tls-key" in shown


@pytest.mark.parametrize(
    ("text", "arguments", "code", "words"),
    [
        (OPEN, ["--expose", "0.0.0.0"], "public-unprotected", "flag --expose"),
        (OPEN, ["--expose", "[::]:8443"], "public-unprotected", "--insecure-public"),
        (PROTECTED.replace("true", "false"), ["--expose", "0.0.0.0"], "public-unprotected", "encrypts"),
        (OPEN.replace("embedded", "opea"), ["--expose", "0.0.0.0", "--orchestrator", "megaservice"],
         "public-unprotected", "neither keys nor TLS"),
        (OPEN, ["--expose", "203.0.113.9", "--insecure-public"], "no-such-address", "127.0.0.1"),
        (OPEN, ["--expose", "127.0.0.1:99999"], "bad-value", "flag --expose"),
        (OPEN, ["--expose", "chat.example.com"], "bad-value", "such as"),
        (PROTECTED, ["--expose", "0.0.0.0"], "no-secret", "OPEA_ROUTER_KEYS_FILE"),
        (PROTECTED.replace("embedded", "opea"), ["--orchestrator", "megaservice"], "no-tls", "opea.yaml:2"),
    ],
)  # fmt: skip
def test_what_up_refuses_before_it_makes_anything(text, arguments, code, words, command, tmp_path):
    app = write_app(tmp_path, text)
    name = command.more["OPEA_TEST_TOKEN"] + "-a"
    said = command.fails("up", str(app), "--target", "docker", "--stack", name, *arguments, code=code)
    assert words in said
    assert not (command.home / "stacks" / name).exists()


def test_plain_pulumi_refuses_and_warns_the_same(stacks, tmp_path):
    """The program of every stack, without the command's own checks."""
    app = write_app(tmp_path, PROTECTED)
    handle = stacks.open("opea-test-plain", lambda: run(Path("/")), create=True)
    handle.set_config("application", str(app))
    handle.set_config("target", "docker")
    with pytest.raises(OpeaError, match="the secret router-keys has no value"):
        handle.preview()
    for key, value in {"auth": "none", "tls": "false", "address": "0.0.0.0"}.items():
        handle.set_config(key, value)
    with pytest.raises(OpeaError, match=r"config opea:address .*nothing there checks who asks or encrypts"):
        handle.preview()
    handle.set_config("insecurePublic", "true")
    progress = Progress()
    handle.preview(progress.feed)
    warnings = [
        text for rows in progress.diagnostics.values() for severity, text in rows if severity == "warning"
    ]
    assert any("0.0.0.0 can be reached from other machines" in text for text in warnings)


def test_who_says_so_gets_it_without_protection(stack, command, address, registry):
    """The last test of the stack: it loses keys and TLS."""
    name, app, _ = stack
    (app / "opea.yaml").write_text(own(OPEN, registry))
    arguments = ("up", str(app), "--target", "docker", "--stack", name, "--expose")
    command.fails(*arguments, address, code="public-unprotected")
    done = command.run(*arguments, address, "--insecure-public")
    assert f"WARNING: {address} can be reached from other machines" in done.stderr
    url = httpx.URL(done.stdout.strip())
    assert (url.scheme, url.host) == ("http", address)
    assert httpx.get(url.copy_with(path="/graph"), trust_env=False).status_code == 200
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        place = f"[::1]:{taken.getsockname()[1]}"
        said = command.fails(*arguments, place, code="port-taken")
        assert f"(pid {os.getpid()}" in said
    assert command(*arguments, place, "--no-insecure-public").startswith(f"http://{place}/")
    assert httpx.get(f"http://{place}/health", trust_env=False).status_code == 200
