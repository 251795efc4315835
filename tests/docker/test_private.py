"""A whole deployment from a private registry, without a way out; its password is nowhere in plain text."""

import base64
import contextlib
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
from docker_exec import run as run_in
from docker_sweep import Sweep
from opea_command import Command, until, write_app
from push_registry import PushRegistry, serving

import opea_pulumi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

PASSWORD = f"canary-{secrets.token_hex(8)}"
WRONG = f"canary-{secrets.token_hex(8)}"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


@pytest.fixture(scope="module")
def registry(engine_client, own_images, tmp_path_factory):
    """A registry with our images, which the engine does not have under that name."""
    folder = tmp_path_factory.mktemp("registry")
    with serving(PushRegistry(folder, user=f"corvus:{PASSWORD}")) as made:
        account = {"username": "corvus", "password": PASSWORD}
        for reference in own_images.values():
            name, _, tag = reference.rpartition(":")
            there = f"{made.host}/mirror/{name}"
            engine_client.api.tag(reference, there, tag)
            for line in engine_client.api.push(there, tag, auth_config=account, stream=True, decode=True):
                assert "error" not in line
            engine_client.images.remove(f"{there}:{tag}", noprune=True)
        made.pulled.clear()
        yield made
        for reference in own_images.values():
            with contextlib.suppress(Exception):
                engine_client.images.remove(f"{made.host}/mirror/{reference}", noprune=True, force=True)


@pytest.fixture(scope="module")
def stack(command, registry):
    """(command with the account, name, application)."""
    name = command.more["OPEA_TEST_TOKEN"]
    text = f"opea_app: chatqna\nopea_deployment: {{image_registry: {registry.host}/mirror}}\n"
    app = write_app(command.cwd, text, "private")
    yield with_password(command, PASSWORD), name, app
    command.run("destroy", "--stack", name, "--yes", exit_code=None)


def with_password(command, password):
    account = {"OPEA_REGISTRY_USER": "corvus", "OPEA_REGISTRY_PASSWORD": password}
    return Command(command.home, command.cwd, {**command.more, **account})


def arguments(app, name):
    return ["up", str(app), "--target", "docker", "--profile", "embedded", "--stack", name]


def found_in(home, *words):
    """The files below a home that hold a text, plain or in Base64."""
    texts = [text.encode() for text in words] + [base64.b64encode(text.encode())[:-4] for text in words]
    files = [file for file in home.rglob("*") if file.is_file() and not file.is_symlink()]
    return [str(file) for file in files if any(text in file.read_bytes() for text in texts)]


def test_a_wrong_password_is_one_clear_error_and_makes_nothing(stack, registry, engine_client):
    command, name, app = stack
    said = with_password(command, WRONG).fails(*arguments(app, name), code="registry-denied")
    assert f"{registry.host}/mirror/opea-pulumi/router:{opea_pulumi.__version__} cannot be pulled" in said
    assert "OPEA_REGISTRY_PASSWORD" in said
    assert WRONG not in said
    assert Sweep(engine_client, labels=[f"opea.stack={name}"], names=[name]).found() == []
    assert registry.refused
    assert not registry.pulled


def test_it_comes_from_there_and_answers(stack, registry):
    command, name, app = stack
    shown = command.run(*arguments(app, name))
    assert "pulling" in shown.stderr
    assert sorted(set(registry.pulled)) == ["mirror/opea-pulumi/embedded", "mirror/opea-pulumi/router"]
    command("ingest", "--stack", name, str(app / "handbook.md"))
    answer = command.json("ask", "--stack", name, "How many days of paid vacation do employees receive?")
    assert "27" in answer["answer"]
    without = Command(command.home, command.cwd, {**command.more, "OPEA_REGISTRY_PASSWORD": ""})
    assert set(without.json(*arguments(app, name))["changes"]) == {"same"}


def test_the_password_is_in_no_state_log_or_container(stack, engine_client):
    command, name, _ = stack
    for row in engine_client.api.containers(all=True, filters={"label": f"opea.stack={name}"}):
        shown = str(engine_client.api.inspect_container(row["Id"]))
        assert PASSWORD not in shown + engine_client.api.logs(row["Id"]).decode(errors="replace")
    assert list((command.home / "state").rglob("*.json"))
    assert found_in(command.home, PASSWORD, WRONG) == []


def test_the_digests_are_the_registrys(stack, registry):
    command, _, app = stack
    rows = command.json("export-images", str(app), "--profile", "embedded")["images"]
    assert {row["image"]: row["digest"] for row in rows} == {
        f"{registry.host}/{name}": registry.digest(name) for name in registry.manifests if "@" not in name
    }


def test_nothing_outside_is_reachable_while_it_answers(stack, engine_client, sweep, stand_in):
    command, name, _ = stack
    key, _, value = sweep.labels[0].partition("=")
    common = {"image": stand_in(ports=(8000,)), "labels": {key: value}, "detach": True}
    outside, beside = (
        engine_client.containers.run(name=f"{sweep.names[0]}-{role}", **common)
        for role in ("outside", "beside")
    )
    outside.reload()
    address = outside.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    probe = ["python3", "-c", CONNECT, address, "8000"]
    until(lambda: run_in(beside, probe)[0] == 0, what="a container beside it")
    rows = engine_client.containers.list(filters={"label": f"opea.stack={name}"})
    assert len(rows) == 6
    with ThreadPoolExecutor() as pool:
        said_by = list(zip(rows, pool.map(lambda each: run_in(each, probe), rows), strict=True))
    for container, (code, said) in said_by:
        assert code != 0, f"{container.name} reaches {address}"
        assert "unreachable" in said or "timed out" in said
    answer = command.json("ask", "--stack", name, "When does the office in Lisbon open?")
    assert "8:30" in answer["answer"]
