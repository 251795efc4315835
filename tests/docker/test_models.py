"""Weights from a hub of the test's own by its real client: progress, gated models, and none without a way."""

import contextlib
import secrets

import docker_images
import pytest
from docker_sweep import Sweep
from hub_server import Hub, serving
from opea_command import Command, write_app

import opea_pulumi
from opea_pulumi.catalog import load_release
from opea_pulumi.terms import Hardware

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

TOKEN = f"hf_canary{secrets.token_hex(8)}"
PUBLIC, GATED = "corvus/public", "corvus/gated"
FILES = {"config.json": b"{}", "weights.bin": bytes(3_000_000)}
APP = """\
opea_micro_services: {{embedding: {{model: {model}}}}}
opea_mega_service: {{mega_flow: [embedding]}}
opea_deployment:
  image_registry: {registry}
  {more}
patches:
  - {{target: docker, workload: tei-embedding, merge: {{healthcheck: {{interval: 1s, start_period: 1s}}}}}}
  - {{target: docker, workload: embedding, merge: {{healthcheck: {{interval: 1s, start_period: 1s}}}}}}
"""


@pytest.fixture(scope="module")
def hub(engine_client):
    """A hub at the address that containers see of this machine."""
    bridge = engine_client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    address = bridge.get("Gateway") or bridge["Subnet"].rpartition(".")[0] + ".1"
    models = {PUBLIC: FILES, GATED: FILES}
    with serving(Hub(models, frozenset({GATED}), TOKEN), address) as made:
        yield made


@pytest.fixture(scope="module")
def registry(engine_client, stand_in, own_images):
    """A prefix of images that are here already: stand-ins, but for the prefetch step and the router."""
    prefix = f"localhost/opea-test-{secrets.token_hex(4)}"
    release = load_release("1.5")
    tei = release.servers["tei-embedding"].devices[Hardware.XEON].image.partition("/")[2]
    names = [f"{prefix}/{tei}", f"{prefix}/{release.services['embedding'].image}"]
    stand_in(*names)
    prefetch = f"{prefix}/{release.prefetch.image}"
    docker_images.hub_client(engine_client, prefetch)
    router = f"{prefix}/opea-pulumi/router"
    engine_client.api.tag(own_images["router"], router, opea_pulumi.__version__)
    yield prefix
    for name in (*names, prefetch, f"{router}:{opea_pulumi.__version__}"):
        with contextlib.suppress(Exception):
            engine_client.images.remove(name, noprune=True, force=True)


@pytest.fixture(scope="module")
def deploy(command, registry, hub):
    """A function: starts ``up`` of an application with a model; ``deploy.name`` is its stack."""
    name = command.more["OPEA_TEST_TOKEN"] + "-a"

    def start(model, token="", more=""):
        more = more or f"hub_mirror: http://{hub.host}"
        app = write_app(command.cwd, APP.format(model=model, registry=registry, more=more), "models")
        other = Command(command.home, command.cwd, {**command.more, "HF_TOKEN": token})
        return other, ["up", str(app), "--target", "docker", "--profile", "opea", "--stack", name]

    start.name = name
    yield start
    command.run("destroy", "--stack", name, "--yes", exit_code=None)


def step(engine, name):
    return engine.containers.get(f"{name}-models-tei-embedding-prefetch")


def test_a_public_model_with_progress(deploy, hub):
    command, arguments = deploy(PUBLIC)
    process = command.start(*arguments)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if f"{PUBLIC}: " in line and " received" in line:
            hub.release.set()  # the second half of each file
    assert process.wait(120) == 0, "".join(lines)
    process.stdout.close()
    process.stderr.close()
    assert hub.release.is_set(), "".join(lines)
    assert f"/{PUBLIC}/resolve/" in " ".join(path for _, path in hub.asked)


def test_a_gated_model_without_a_token_says_what_to_do(deploy, hub):
    command, arguments = deploy(GATED)
    said = command.run(*arguments, exit_code=1).stderr
    assert f"corvus/gated is gated: accept its licence at http://{hub.host}/{GATED}, export HF_TOKEN" in said
    assert "prefetch ended with exit code" in said


def test_with_its_token_it_comes_and_the_token_is_nowhere(deploy, engine_client):
    command, arguments = deploy(GATED, TOKEN)
    command.run(*arguments)
    sweep = Sweep(engine_client, labels=[f"opea.stack={deploy.name}"])
    assert sweep.found()
    for row in engine_client.api.containers(all=True, filters={"label": f"opea.stack={deploy.name}"}):
        shown = str(engine_client.api.inspect_container(row["Id"]))
        assert TOKEN not in shown + engine_client.api.logs(row["Id"]).decode(errors="replace")
    files = [file for file in command.home.rglob("*") if file.is_file()]
    assert [str(file) for file in files if TOKEN.encode() in file.read_bytes()] == []


def test_offline_asks_no_hub(deploy, hub, engine_client):
    before = len(hub.asked)
    command, arguments = deploy(GATED, more="offline: true")
    command.run(*arguments)
    assert len(hub.asked) == before
    rows = engine_client.api.containers(all=True, filters={"label": f"opea.stack={deploy.name}"})
    assert not [row for row in rows if "prefetch" in row["Labels"]["opea.workload"]]
    networks = {name for row in rows for name in row["NetworkSettings"]["Networks"]}
    assert not [name for name in networks if name.endswith("-outside")]


def test_only_the_step_goes_by_the_proxy(deploy, hub, engine_client):
    more = f"hub_mirror: http://hub.invalid\n  proxy: {{http: 'http://{hub.host}'}}"
    command, arguments = deploy(PUBLIC, more=more)
    hub.asked.clear()
    command.run(*arguments)
    assert {host for host, _ in hub.asked} == {"hub.invalid"}
    rows = engine_client.api.containers(all=True, filters={"label": f"opea.stack={deploy.name}"})
    told = {
        row["Labels"]["opea.workload"]
        for row in rows
        if "http_proxy=" in " ".join(engine_client.api.inspect_container(row["Id"])["Config"]["Env"])
    }
    assert told == {"tei-embedding-prefetch"}
