"""An engine that is elsewhere, as far as its clients can tell: a TCP port before its socket."""

import time

import docker_engine
import docker_plugin
import pytest
from opea_command import Command, write_app
from tcp_proxy import listening

from opea_pulumi.docker_engine import engine_address

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

APP = """\
opea_micro_services:
  embedding: null
  llm: {files: {/etc/notes/house.txt: notes.txt}}
opea_mega_service: {mega_flow: [embedding >> llm], port: %d}
"""


@pytest.fixture(scope="module")
def address(engine_client):
    local = engine_address()
    if not local.url.startswith("unix://"):
        pytest.skip(f"the engine at {local.shown} has no socket here to stand before")
    with listening(local.url.removeprefix("unix://")) as address:
        yield address


@pytest.fixture(scope="module")
def remote(address, command):
    """The command, whose engine and whose plugin's engine is the one at the port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", address)
        with docker_plugin.attached() as environment:
            more = {**command.more, **environment, "DOCKER_HOST": address}
            yield Command(command.home, command.cwd, more)


@pytest.fixture(scope="module")
def stack(remote):
    """(name, what `up` said) of a stack with a file of its own."""
    name, app = (
        remote.more["OPEA_TEST_TOKEN"],
        write_app(remote.cwd, APP % docker_engine.free_ports(1)[0], "remote"),
    )
    (app / "notes.txt").write_text("The house is green.\n")
    said = up(remote, app, name)
    yield name, said
    remote.run("destroy", "--stack", name, "--yes", exit_code=None)


def up(command, app, name):
    return command.json("up", str(app), "--target", "docker", "--profile", "embedded", "--stack", name)


def test_it_is_asked_through_the_engine(remote, stack, engine_client, tmp_path):
    """Its port is on that host's loopback, so the requests are made within the router's container."""
    name, said = stack
    since = time.time()
    hops = remote.json("test", "--stack", name)
    assert [hop["hop"] for hop in hops] == ["embedding", "llm", "router"]
    assert not any(hop["error"] for hop in hops)
    assert said["outputs"]["url"].startswith("http://127.0.0.1:")
    answer = remote.json("ask", "--stack", name, "What colour is the house?")
    assert answer["answer"]
    router = {"container": f"{name}-remote-router", "event": "exec_create"}
    events = engine_client.events(since=since, until=time.time() + 1, filters=router, decode=True)
    assert sum("import http.client, json, sys" in event["Action"] for event in events) > len(hops)


def test_an_applications_files_are_there(remote, stack, engine_client):
    name, _ = stack
    code, text = engine_client.containers.get(f"{name}-remote-llm").exec_run(["cat", "/etc/notes/house.txt"])
    assert (code, text) == (0, b"The house is green.\n")


def test_other_contents_replace_the_one_that_has_them(remote, stack, engine_client):
    name, _ = stack
    app = remote.cwd / "remote"
    assert set(up(remote, app, name)["changes"]) == {"same"}
    before = engine_client.containers.get(f"{name}-remote-embedding").id
    (app / "notes.txt").write_text("The house is blue.\n")
    up(remote, app, name)
    found = engine_client.containers.get(f"{name}-remote-llm").exec_run(["cat", "/etc/notes/house.txt"])
    assert found.output == b"The house is blue.\n"
    assert engine_client.containers.get(f"{name}-remote-embedding").id == before


def test_status_and_destroy(remote, stack, engine_client):
    name, _ = stack
    rows = remote.json("status", "--stack", name)["workloads"]
    assert {row["state"] for row in rows} == {"running"}
    remote("destroy", "--stack", name, "--yes")
    assert engine_client.containers.list(all=True, filters={"label": f"opea.stack={name}"}) == []


def test_an_engine_that_is_gone_is_named(remote):
    port = docker_engine.free_ports(1)[0]
    elsewhere = Command(remote.home, remote.cwd, {**remote.more, "DOCKER_HOST": f"tcp://127.0.0.1:{port}"})
    app = write_app(remote.cwd, "opea_app: chatqna\n", "gone")
    said = elsewhere.fails(
        "up", str(app), "--target", "docker", "--profile", "embedded", "--stack", "gone", code="docker-down"
    )
    assert f"tcp://127.0.0.1:{port}" in said
