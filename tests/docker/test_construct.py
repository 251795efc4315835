"""Components through their tokens alone, as programs in any other language reach them (Construct)."""

import json
import socket
import urllib.request

import pulumi
import pytest

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
