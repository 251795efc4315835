"""Components through their tokens alone, as programs in any other language reach them (Construct)."""

import json
import socket
import urllib.request
from pathlib import Path

import docker_images
import pulumi
import pytest
from docker_plans import known, plan
from opea_pulumi.components.docker import COMPONENTS

from opea_pulumi.engine import Stacks

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


class Remote(pulumi.ComponentResource):
    """A component by its token; its class is not imported here."""

    def __init__(self, name, kind, args, outputs):
        wanted = dict.fromkeys(outputs)
        super().__init__(f"opea:index:{kind}", name, {**wanted, **args}, None, remote=True)
        self.outputs = {key: self.__dict__.get(key) for key in outputs}


@pytest.fixture
def deploy(stacks: Stacks, sweep, own_images):
    """A function: what a program exports."""
    name = sweep.names[0]
    sweep.labels.append(f"opea.stack={name}")
    handles = []

    def deploy(program):
        handle = stacks.open(name, program, create=True)
        handles.append(handle)
        handle.up()
        assert set(handle.up().changes) == {"same"}
        return handle.outputs()

    yield deploy
    for handle in handles:
        handle.destroy()
    assert sweep.found() == []


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, json.loads(answer.read() or b"null")


def test_single_workloads(deploy, free_port, engine_client):
    def program():
        import pulumi_docker as docker

        net = docker.Network("net")
        common = {"profile": "embedded", "network": net.name}
        embedding = Remote("emb", "DockerMicroservice", {"type": "embedding", **common}, ["url"])
        llm = Remote("ext", "DockerMicroservice", {"type": "llm", **common}, ["url"])
        router = Remote(
            "front",
            "DockerRouter",
            {
                "definition": "opea_micro_services: {embedding: null, llm: null}\n"
                "opea_mega_service: {mega_flow: [embedding >> llm]}\n",
                "endpoints": {"embedding": embedding.outputs["url"], "llm": llm.outputs["url"]},
                "port": free_port,
                **common,
            },
            ["publishedUrl", "container"],
        )
        pulumi.export("url", router.outputs["publishedUrl"])
        pulumi.export("container", router.outputs["container"])

    outputs = deploy(program)
    assert outputs["url"] == f"http://127.0.0.1:{free_port}"
    assert get(outputs["url"] + "/ready") == (200, {"ready": True})
    assert engine_client.containers.get(outputs["container"]).status == "running"


def test_a_whole_application(deploy):
    def program():
        args = {"definition": "opea_app: chatqna\n", "profile": "embedded"}
        made = Remote("qna", "DockerApplication", args, ["url", "endpoints"])
        pulumi.export("url", made.outputs["url"])
        pulumi.export("endpoints", made.outputs["endpoints"])

    outputs = deploy(program)
    assert outputs["url"].endswith("/v1/chatqna")
    assert get(outputs["endpoints"]["router"] + "/ready") == (200, {"ready": True})


def test_servers_stores_and_interfaces(deploy, free_port, engine_client):
    """From stand-ins of OPEA's images; with the tests above, every component by its token alone."""
    known_plan = plan("parts", free_port, known("chatqna", "megaservice", ui=True))
    docker_images.stand_ins(engine_client, sorted(known_plan.images))
    kinds = {
        "DockerVectorStore": {"kind": "redis"},
        "DockerModelServer": {"kind": "tei", "secrets": {"hf-token": "hf_not_shown"}},
        "DockerUi": {
            "definition": known_plan.definition,
            "endpoints": {name: f"http://{name}:8888" for name in known_plan.services},
            "port": free_port,
        },
    }

    def program():
        import pulumi_docker as docker

        net = docker.Network("net")
        for kind, args in kinds.items():
            made = Remote(kind.lower(), kind, {"network": net.name, **args}, ["url", "container"])
            pulumi.export(kind, {"url": made.outputs["url"], "container": made.outputs["container"]})

    outputs = deploy(program)
    for kind in kinds:
        assert outputs[kind]["url"].startswith("http://")
        shown = engine_client.containers.get(outputs[kind]["container"])
        assert shown.status == "running"
        assert "hf_not_shown" not in json.dumps(shown.attrs)
    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=10) as answer:
        assert answer.status == 200


def test_no_component_is_left_out():
    """A component that is added is constructed by its token here, too."""
    text = Path(__file__).read_text()
    assert [each.__name__ for each in COMPONENTS if f'"{each.__name__}"' not in text] == []
