"""Cards on a real engine whose runtime `habana` is runc: real containers, each with indexes of its own."""

import docker_engine
import pytest
from opea_pulumi.components.docker import DockerModelServer
from opea_pulumi.components.docker.cards import holders

from opea_pulumi.catalog import load_release
from opea_pulumi.docker_engine import containers_by_name
from opea_pulumi.terms import Hardware

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

GAUDI = "habana.ai/gaudi"
SERVERS = {
    "language": {"kind": "vllm", "model": "Qwen/Qwen2.5-7B-Instruct", "accelerators": 2, "hardware": "gaudi"},
    "ranking": {"kind": "tei", "type": "reranking", "hardware": "gaudi"},
}


@pytest.fixture
def images(stand_in):
    release = load_release("1.5")
    rows = [release.servers[name].devices[Hardware.GAUDI] for name in ("vllm", "tei-reranking")]
    stand_in(release.prefetch.image, *(row.image for row in rows))


@pytest.fixture
def others(engine_client, sweep, stand_in):
    """Somebody's container that has card 1; the indexes that any container has now."""
    if "habana" not in engine_client.info()["Runtimes"]:
        docker_engine.lacking("the engine has no runtime habana: dockerd --add-runtime habana=$(which runc)")
    key, _, value = sweep.labels[0].partition("=")
    engine_client.containers.run(
        stand_in(ports=(9,)),
        name=f"{sweep.names[0]}-other",
        labels={key: value},
        runtime="habana",
        environment={"HABANA_VISIBLE_DEVICES": "1"},
        detach=True,
    )
    known = holders(GAUDI, containers_by_name(engine_client))
    assert f"{sweep.names[0]}-other" in {holder.name for holder in known}
    return frozenset(index for holder in known for index in holder.indexes)


def test_servers_get_free_cards_and_keep_them(stacks, sweep, images, others, engine_client):
    name = sweep.names[0]
    sweep.labels.append(f"opea.stack={name}")

    def program():
        for called, args in SERVERS.items():
            DockerModelServer(called, args)

    handle = stacks.open(name, program, create=True)
    try:
        handle.up()
        shown = {
            called: engine_client.api.inspect_container(f"{name}-{called}-{server}")
            for called, server in (("language", "vllm"), ("ranking", "tei-reranking"))
        }
        cards = {called: visible(each) for called, each in shown.items()}
        assert {called: len(indexes) for called, indexes in cards.items()} == {"language": 2, "ranking": 1}
        given = [index for indexes in cards.values() for index in indexes]
        free = [index for index in range(20) if index not in others]
        assert sorted(given) == sorted(set(given))
        assert not others.intersection(given)
        assert max(given) <= free[3]  # the lowest, but for the neighbours
        for each in shown.values():
            assert each["HostConfig"]["Runtime"] == "habana"
            assert "SYS_NICE" in [cap.removeprefix("CAP_") for cap in each["HostConfig"]["CapAdd"]]
            assert each["HostConfig"]["IpcMode"] == "host"
            assert each["State"]["Running"]
        assert set(handle.up().changes) == {"same"}
    finally:
        handle.destroy()


def visible(shown):
    environment = dict(line.partition("=")[::2] for line in shown["Config"]["Env"])
    return [int(index) for index in environment["HABANA_VISIBLE_DEVICES"].split(",")]
