"""Our images on a real engine: built, run, pushed to a registry and back, saved, loaded.

Everything here has a version of its own, so that it meets no image of another test or of the developer.
"""

import hashlib
import io
import json
import os
import sys
import tarfile
import time
import uuid
from base64 import b64encode
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from docker.types import EndpointConfig
from little_engine import write_ssh
from push_registry import PushRegistry, serving

import opea_pulumi
from opea_pulumi.application import Lock, dump_lock, load_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import application_text
from opea_pulumi.cli._main import run
from opea_pulumi.docker_engine import connect, engine_address
from opea_pulumi.errors import OpeaError, OperationError
from opea_pulumi.flow import dump_flow
from opea_pulumi.images import Base, ensure_own_image, find_image, load_images, save_images
from opea_pulumi.terms import Profile

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

BASES = ("opea-test/base:bookworm", "python:3.11-slim-bookworm")
PYTHON = "3.11"
HARD = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "tmpfs": {"/tmp": "size=16m"},
    "pids_limit": 100,
}
ROUTER_MB = 80
"""What the router's image may weigh above its base."""


@pytest.fixture(scope="module")
def engine():
    """The engine that is meant, and meant it stays whatever configuration a test has."""
    try:
        address = engine_address()
        client = connect(address, silence=600)
    except OpeaError as error:
        pytest.skip(str(error))
    with closing(client), pytest.MonkeyPatch.context() as patch:
        for name, value in address.environment().items():
            patch.setenv(name, value)
        yield client


@pytest.fixture(scope="module")
def base_image(engine):
    for name in BASES:
        if find_image(engine, name):
            return name
    pytest.skip(f"the engine has none of {', '.join(BASES)}")


@pytest.fixture(scope="module")
def version(engine):
    """A version of this module's own; what has it in its name is removed afterwards."""
    name = f"{opea_pulumi.__version__}-t{uuid.uuid4().hex[:8]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opea_pulumi, "__version__", name)
        yield name
    for image in engine.images.list():
        ours = image.labels.get("org.opencontainers.image.version", "")
        if ours.endswith(name) or any(tag.endswith(name) for tag in image.tags):
            engine.images.remove(image.id, force=True)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OPEA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opea(capsys):
    def call(*words, fails=""):
        capsys.readouterr()
        code = run(words)
        out, err = capsys.readouterr()
        assert bool(code) == bool(fails), out + err
        if fails:
            assert f"[{fails}]" in err
            assert "Traceback" not in err
            return err
        return json.loads(out) if "--json" in words else out

    return call


@pytest.fixture(scope="module")
def built(engine, version, base_image):
    """Both images, by the command; what it printed, and the nameless stages that were there before."""
    before = nameless(engine)
    words = ["images", "build", "--base", base_image, "--python", PYTHON]
    with pytest.MonkeyPatch.context() as patch:
        out, err = io.StringIO(), io.StringIO()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = run([*words, "--json"])
    assert code == 0, err.getvalue()
    return json.loads(out.getvalue()), err.getvalue(), before


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    with serving(PushRegistry(tmp_path_factory.mktemp("registry"))) as registry:
        yield registry


def test_build(built, engine, version, base_image, record_property):
    """Both are there, with progress told, and small; the classic builder's other stages are gone."""
    images, told, before = built
    assert [image["references"] for image in images] == [
        [f"opea-pulumi/{name}:{version}"] for name in ("embedded", "router")
    ]
    assert f"opea-pulumi/router:{version}: getting wheels for Python {PYTHON} on linux/" in told
    assert "step 1/" in told
    assert "FROM ${BASE} AS build" in told
    base = find_image(engine, base_image)
    above = {image["references"][0].split(":")[0]: image["size"] - base.size for image in images}
    text = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in above.items())
    record_property("figure", f"images above their base: {text}")
    assert above["opea-pulumi/router"] < ROUTER_MB * 1e6
    for image in images:
        attrs = engine.images.get(image["id"]).attrs
        assert attrs["Config"]["User"] == "65532:65532"
        assert attrs["Config"]["Labels"]["org.opencontainers.image.version"] == version
    assert nameless(engine) <= before


def nameless(engine):
    """Images without a name that are stages of a build of ours."""
    found = engine.images.list(filters={"dangling": True})
    return {image.id for image in found if "/opt/opea" in json.dumps(image.history())}


@pytest.mark.parametrize("name", ["router", "embedded"])
def test_what_is_inside(built, engine, version, name):
    """Nothing of Pulumi, no test, and every module can be imported without writing a file."""
    script = """
import importlib.util as u, json, os, sys
names = ["pulumi", "grpc", "psutil", "docker", "pip", "opea_pulumi", "aiohttp", "fastapi"]
print(json.dumps({"found": [n for n in names if u.find_spec(n)], "user": os.getuid(),
                  "writable": [p for p in ("/", "/opt/opea", "/data") if os.access(p, os.W_OK)]}))
"""
    printed = engine.containers.run(
        f"opea-pulumi/{name}:{version}", ["-c", script], entrypoint=["python3"], remove=True, **HARD
    )
    told = json.loads(printed)
    assert engine.images.get(f"opea-pulumi/{name}:{version}").attrs["Config"]["Volumes"] is None
    brought = {"router": "aiohttp", "embedded": "fastapi"}[name]
    assert set(told["found"]) - {"pip"} == {"opea_pulumi", brought}  # pip is the base's
    assert told["user"] == 65532
    assert told["writable"] == []


class Pipeline:
    """The workloads of a blueprint as containers of one network, hardened as a target would."""

    def __init__(self, engine, blueprint):
        self.engine, self.blueprint = engine, blueprint
        self.name = f"opea-test-{uuid.uuid4().hex[:8]}"
        self.containers = {}
        self.network = self.volume = None

    def __enter__(self):
        self.network = self.engine.networks.create(self.name)
        self.volume = self.engine.volumes.create(self.name)
        for workload in self.blueprint.workloads:
            self.start(workload)
        return self

    def __exit__(self, *_error):
        for container in self.containers.values():
            with suppress(Exception):
                container.remove(force=True, v=True)
        self.volume.remove(force=True)
        self.network.remove()

    def url_of(self, name):
        return f"http://{name}:{self.blueprint.workload(name).port.number}"

    def value(self, value):
        if value.kind == "literal":
            return value.value
        if value.kind == "endpoint":
            port = self.blueprint.workload(value.workload).port.number
            return value.format.format(host=value.workload, port=port)
        return "/data" if value.kind == "path" else None

    def start(self, workload):
        graph = dump_flow(self.blueprint.resolved_flow(self.url_of))
        filled = {"{host}": "0.0.0.0", "{port}": str(workload.port.number), "{graph}": graph}
        arguments = [filled.get(word, word) for word in workload.args]
        values = {key: self.value(value) for key, value in workload.environment.items()}
        self.containers[workload.name] = self.engine.containers.run(
            workload.image,
            [*workload.command[1:], *arguments],
            entrypoint=["python3"],
            detach=True,
            name=f"{self.name}-{workload.name}",
            network=self.name,
            networking_config={self.name: EndpointConfig("1.41", aliases=[workload.name])},
            environment={key: value for key, value in values.items() if value is not None},
            ports={workload.port.number: ("127.0.0.1", None)},
            volumes={self.name: {"bind": "/data"}} if workload.mounts else {},
            **HARD,
        )

    def address(self, name):
        """Where this host reaches it."""
        container = self.containers[name]
        container.reload()
        port = self.blueprint.workload(name).port.number
        return f"http://127.0.0.1:{container.ports[f'{port}/tcp'][0]['HostPort']}"

    def healthy(self, name, client):
        path = self.blueprint.workload(name).health.path
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            self.containers[name].reload()
            assert self.containers[name].status == "running", self.containers[name].logs().decode()
            with suppress(httpx.TransportError):
                if client.get(f"{self.address(name)}{path}").status_code == 200:
                    return
            time.sleep(0.1)
        pytest.fail(f"{name} does not become healthy: {self.containers[name].logs().decode()}")

    def megabytes(self, name):
        usage = self.containers[name].stats(stream=False)["memory_stats"]
        return (usage["usage"] - usage.get("stats", {}).get("inactive_file", 0)) / 2**20


def test_the_pipeline_of_our_images_answers(built, engine, tmp_path, record_property):
    """All five services and the router, read-only and without capabilities: a document in, its fact out."""
    (tmp_path / "opea.yaml").write_text(application_text("chatqna"))
    loaded = load_application(tmp_path)
    blueprint = build_blueprint(loaded.application, name="chatqna", profile=Profile.EMBEDDED)
    assert len(blueprint.workloads) == 6
    with Pipeline(engine, blueprint) as pipeline, httpx.Client(trust_env=False, timeout=60) as client:
        for workload in blueprint.workloads:
            pipeline.healthy(workload.name, client)
        dataprep, route = pipeline.address("dataprep"), blueprint.route
        fact = "Employees of Corvus receive 27 days of paid vacation each year."
        ingest = blueprint.workload("dataprep")
        answer = client.post(f"{dataprep}/v1/dataprep/ingest", files={"files": ("facts.md", fact)})
        assert answer.status_code == 200, (answer.text, ingest.image)
        question = {"messages": "How many days of vacation do employees of Corvus receive?", "stream": False}
        answer = client.post(f"{pipeline.address(route.workload)}{route.endpoint}", json=question)
        assert answer.status_code == 200, answer.text
        assert "27 days" in answer.text
        used = {name: pipeline.megabytes(name) for name in pipeline.containers}
        text = ", ".join(f"{name} {size:.0f} MiB" for name, size in used.items())
        record_property("figure", f"memory after one question: {text}")
        assert used[route.workload] < 100


def test_list(built, opea, engine, version):
    rows = opea("images", "list", "--json")
    assert [row["image"] for row in rows] == [
        f"opea-pulumi/{name}:{version}" for name in ("embedded", "router")
    ]
    assert [row["id"] for row in rows] == [image["id"] for image in built[0]]
    assert all(row["size"] and row["created"].startswith("20") for row in rows)
    shown = opea("images", "list", "--registry", "r.example.com/mirror")
    line = next(line for line in shown.splitlines() if "/router:" in line)
    assert line.split()[:2] == [f"r.example.com/mirror/opea-pulumi/router:{version}", "missing"]
    assert "opea-pulumi images build router --registry r.example.com/mirror" in line


def test_push_and_pull_by_digest(built, opea, engine, version, registry):
    """To a private registry, away from here, and back: the same image."""
    wanted = find_image(engine, f"opea-pulumi/router:{version}")
    [pushed] = opea("images", "push", "router", "--registry", f"{registry.host}/mirror", "--json")
    assert pushed["image"] == f"{registry.host}/mirror/opea-pulumi/router:{version}"
    assert pushed["digest"] == registry.digest(f"mirror/opea-pulumi/router:{version}")
    assert f"{pushed['image']}  {pushed['digest']}" in opea(
        "images", "push", "router", "--registry", f"{registry.host}/mirror"
    )
    for name in (pushed["image"], f"opea-pulumi/router:{version}"):
        engine.images.remove(name)
    assert find_image(engine, wanted.id) is None
    by_digest = f"{pushed['image']}@{pushed['digest']}"
    assert ensure_own_image(engine, by_digest, print)
    found = find_image(engine, by_digest)
    assert found.id == wanted.id
    assert found.digest_of(pushed["image"]) == pushed["digest"]
    engine.api.tag(found.id, "opea-pulumi/router", version)


def test_push_with_the_credentials_of_docker_login(built, opea, version, tmp_path):
    with serving(PushRegistry(tmp_path / "registry", user="me:canary-pa55")) as registry:
        refused = opea("images", "push", "router", "--registry", registry.host, fails="push-failed")
        assert "docker login" in refused
        assert registry.refused
        assert not registry.manifests
        pair = b64encode(registry.user.encode()).decode()
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "config.json").write_text(
            json.dumps({"auths": {registry.host: {"auth": pair}}})
        )
        shown = opea("images", "push", "router", "--registry", registry.host)
        assert registry.digest(f"opea-pulumi/router:{version}") in shown
        assert "canary" not in refused + shown


def test_push_of_what_is_not_built(opea, version, engine, monkeypatch):
    monkeypatch.setattr(opea_pulumi, "__version__", f"{version}-none")
    shown = opea("images", "push", "router", "--registry", "127.0.0.1:1", fails="no-image")
    assert "hint: opea-pulumi images build router" in shown


def test_a_registry_that_is_down(built, opea):
    assert "refused" in opea("images", "push", "router", "--registry", "127.0.0.1:1", fails="push-failed")


def test_ensure(built, engine, version, base_image, registry, opea):
    """Nothing when it is there; from its registry; a tag of what is there; and never what cannot be right."""
    own = f"opea-pulumi/router:{version}"
    assert not ensure_own_image(engine, own, print)
    assert not ensure_own_image(engine, "opea/llm-textgen:1.5", print)
    opea("images", "push", "router", "--registry", f"{registry.host}/a")
    there = f"{registry.host}/a/{own}"
    engine.images.remove(there)
    lines = []
    assert ensure_own_image(engine, there, lines.append)
    assert lines == [f"pulling {there}"]
    not_there = f"{registry.host}/b/{own}"
    assert ensure_own_image(engine, not_there, print)
    assert find_image(engine, not_there).id == find_image(engine, own).id
    with pytest.raises(OperationError) as caught:
        ensure_own_image(engine, f"{registry.host}/b/opea-pulumi/router:0.0.1", print)
    assert caught.value.code == "no-image"


def test_ensure_builds(engine, version, base_image, monkeypatch):
    """Under the name that was asked for, and its own."""
    mine = f"{version}-e-{version}"  # ends with what the fixture removes
    monkeypatch.setattr(opea_pulumi, "__version__", mine)
    base = Base(base_image, PYTHON, find_image(engine, base_image).platform)
    reference = f"127.0.0.1:1/opea-pulumi/router:{mine}"
    assert ensure_own_image(engine, reference, print, base=base)
    assert find_image(engine, reference).id == find_image(engine, f"opea-pulumi/router:{mine}").id


@pytest.mark.usefixtures("engine")
def test_build_without_a_base(opea):
    words = ("images", "build", "router", "--base", "127.0.0.1:1/none:1", "--python", PYTHON)
    shown = opea(*words, fails="no-base")
    assert "the engine has no 127.0.0.1:1/none:1, and cannot pull it for linux/" in shown
    assert "--base IMAGE --python X.Y" in shown


def test_build_on_a_base_without_a_shell(opea, engine, version):
    """The builder's own words, and the line of the Dockerfile."""
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    name = f"opea-test/empty:{version}"
    repository, _, tag = name.partition(":")
    engine.api.import_image_from_data(empty.getvalue(), repository, tag)
    shown = opea("images", "build", "router", "--base", name, "--python", PYTHON, fails="build-failed")
    assert "Dockerfile:8: opea-pulumi/router:" in shown
    assert "/bin/sh" in shown
    assert "  | Step 5/" in shown
    assert len(shown.splitlines()) < 60


def test_save_and_load(built, opea, engine, version, tmp_path):
    """Both images in one archive, away from here, and back; no image is asked of any network."""
    ids = {image["references"][0]: image["id"] for image in built[0]}
    told = opea("export-images", "chatqna", "--profile", "embedded", "--save", "images.tar", "--json")
    assert {row["image"]: row["id"] for row in told["images"]} == ids
    assert not any(row["missing"] for row in told["images"])
    assert [path.name for path in tmp_path.iterdir() if "tar" in path.name] == ["images.tar"]
    again = ("export-images", "chatqna", "--profile", "embedded", "--save", "images.tar")
    assert "images.tar: this file is there already" in opea(*again, fails="file-exists")
    for name in ids:
        engine.images.remove(name, force=True)
    rows = opea("export-images", "chatqna", "--profile", "embedded", "--json")["images"]
    assert {row["image"]: row["get"] for row in rows if row["missing"]} == {
        f"opea-pulumi/{name}:{version}": f"opea-pulumi images build {name}" for name in ("embedded", "router")
    }
    loaded = opea("images", "load", "images.tar", "--json")
    assert {row["image"]: row["id"] for row in loaded} == ids
    opea(*again, "--force")


def test_export_names_what_is_missing(opea, version, tmp_path):
    (tmp_path / "opea.yaml").write_text(
        f"{application_text('chatqna')}\nopea_deployment: {{image_registry: '127.0.0.1:1'}}\n"
    )
    shown = opea("export-images", "--save", "images.tar", fails="images-missing")
    assert "docker pull 127.0.0.1:1/opea/retriever:1.5" in shown
    assert not (tmp_path / "images.tar").exists()
    rows = opea("export-images", "--json")["images"]
    router = next(row for row in rows if "opea-pulumi/router" in row["image"])
    assert router["get"] == "opea-pulumi images build router --registry 127.0.0.1:1"


def test_export_knows_the_digests_of_a_registry(built, opea, version, registry, tmp_path):
    (tmp_path / "opea.yaml").write_text(
        f"{application_text('chatqna')}\nopea_deployment: {{image_registry: '{registry.host}/c'}}\n"
    )
    [pushed] = opea("images", "push", "router", "--registry", f"{registry.host}/c", "--json")
    rows = opea("export-images", "--profile", "embedded", "--json")["images"]
    digests = {row["image"]: row["digest"] for row in rows}
    assert digests[pushed["image"]] == pushed["digest"]
    assert digests[f"{registry.host}/c/opea-pulumi/embedded:{version}"] == ""


def test_load_of_what_is_no_archive(opea, engine, tmp_path):
    (tmp_path / "text.tar").write_text("no archive at all\n" * 100)
    assert "text.tar: " in opea("images", "load", "text.tar", fails="load-failed")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    assert "empty.tar: " in opea("images", "load", "empty.tar", fails="load-failed")
    assert "none.tar: cannot be read" in opea("images", "load", "none.tar", fails="not-readable")


def test_save_of_what_is_pinned(built, opea, engine, version, registry, tmp_path):
    """An image that was pulled by its digest has no tag; in the archive it has, and never another image's."""
    own = f"opea-pulumi/router:{version}"
    [pushed] = opea("images", "push", "router", "--registry", f"{registry.host}/d", "--json")
    wanted, name = find_image(engine, own).id, pushed["image"]
    (tmp_path / "opea.yaml").write_text(
        f"{application_text('chatqna')}\nopea_deployment: {{image_registry: '{registry.host}/d'}}\n"
    )
    lock = Lock("embedded", "2026-11-25", {own: pushed["digest"]})
    (tmp_path / "opea.lock").write_text(dump_lock(lock))
    rows = opea("export-images", "--profile", "embedded", "--json")["images"]
    pinned = next(row["image"] for row in rows if row["digest"])
    assert pinned == f"{name}@{pushed['digest']}"
    engine.images.remove(name)  # takes the digest's reference away, too
    with pytest.raises(OperationError) as caught:
        save_images(engine, [pinned], tmp_path / "images.tar", print)
    assert caught.value.code == "no-image"
    assert ensure_own_image(engine, pinned, print)
    assert find_image(engine, name) is None
    save_images(engine, [pinned], tmp_path / "images.tar", print)
    engine.images.remove(name)
    assert load_images(engine, tmp_path / "images.tar", print) == [name]
    assert find_image(engine, name).id == wanted
    assert ensure_own_image(engine, pinned, print), "an archive holds no digests"
    engine.api.tag(f"opea-pulumi/embedded:{version}", name.rpartition(":")[0], version)
    with pytest.raises(OperationError) as caught:
        save_images(engine, [pinned], tmp_path / "images.tar", print, force=True)
    assert caught.value.code == "other-image"


def socket_of(engine):
    address = engine_address()
    if not address.url.startswith("unix://"):
        pytest.skip(f"the engine is at {address.shown}, this needs its socket")
    return address.url


def test_by_context(built, opea, engine, version, tmp_path, monkeypatch):
    url = socket_of(engine)
    monkeypatch.delenv("DOCKER_HOST")
    folder = tmp_path / "docker/contexts/meta" / hashlib.sha256(b"here").hexdigest()
    folder.mkdir(parents=True)
    meta = {"Name": "here", "Metadata": {}, "Endpoints": {"docker": {"Host": url, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    (tmp_path / "docker/config.json").write_text(json.dumps({"currentContext": "here"}))
    assert [row["id"] for row in opea("images", "list", "--json")] == [image["id"] for image in built[0]]
    (folder / "meta.json").write_text(json.dumps(meta).replace(url, f"unix://{tmp_path}/none"))
    assert f"{tmp_path}/none (context here)" in opea("images", "list", fails="docker-down")


def test_by_ssh(built, opea, engine, version, tmp_path, monkeypatch):
    """Long answers and streams, too: a container that runs to its end, and an archive."""
    write_ssh(tmp_path, Path(socket_of(engine).removeprefix("unix://")))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_HOST", "ssh://far")
    router = f"opea-pulumi/router:{version}"
    with closing(connect()) as client:
        script = "print('x' * 1_000_000)"
        printed = client.containers.run(router, ["-c", script], entrypoint=["python3"], remove=True)
        assert len(printed) == 1_000_001
        assert save_images(client, [router], tmp_path / "router.tar", print) > 10_000_000
        assert load_images(client, tmp_path / "router.tar", print) == [router]
    assert [row["id"] for row in opea("images", "list", "--json")] == [image["id"] for image in built[0]]
