"""The embedded ChatQnA on a real engine, from `up` to `destroy`, with the command as users run it."""

import json

import pytest
from docker.errors import NotFound
from docker_sweep import Sweep
from opea_command import write_app

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

WORKLOADS = ["embedding", "llm", "reranking", "retrieval", "dataprep", "router"]


@pytest.fixture(scope="module")
def stack(command):
    """(name, path of the application) of a stack that is up and holds handbook.md."""
    name = command.more["OPEA_TEST_TOKEN"]
    app = write_app(command.cwd)
    up(command, app, name)
    command("ingest", "--stack", name, str(app / "handbook.md"))
    yield name, app
    command.run("destroy", "--stack", name, "--yes", exit_code=None)


def up(command, app, name, *more):
    return command.json("up", str(app), "--target", "docker", "--profile", "embedded", "--stack", name, *more)


def ids(engine, name):
    """The id of each workload's container."""
    found = engine.containers.list(all=True, filters={"label": f"opea.stack={name}"})
    return {each.labels["opea.workload"]: each.id for each in found if "opea.role" not in each.labels}


def test_it_answers_with_its_source_and_a_second_up_changes_nothing(command, stack):
    name, app = stack
    answer = command.json("ask", "--stack", name, "How many days of paid vacation do employees receive?")
    assert "27" in answer["answer"]
    assert {source["source"] for source in answer["sources"]} == {"handbook.md"}
    assert answer["url"].startswith("http://127.0.0.1:")
    assert set(up(command, app, name)["changes"]) == {"same"}


def test_status_logs_and_the_hops_have_the_same_words_as_on_local(command, stack):
    name, _ = stack
    rows = command.json("status", "--stack", name)["workloads"]
    assert [row["name"] for row in rows] == WORKLOADS
    assert {row["state"] for row in rows} == {"running"}
    assert '"listening"' in command("logs", "router", "--stack", name)
    hops = command.json("test", "--stack", name)
    assert [hop["hop"] for hop in hops] == [
        "dataprep",
        "embedding",
        "retrieval",
        "reranking",
        "llm",
        "router",
    ]
    assert not any(hop["error"] for hop in hops)


def test_only_one_port_is_published_and_only_here(command, stack, engine_client):
    name, _ = stack
    published = [
        (workload, rows[0]["HostIp"])
        for workload, identity in ids(engine_client, name).items()
        for rows in (
            engine_client.api.inspect_container(identity)["HostConfig"]["PortBindings"] or {}
        ).values()
    ]
    assert published == [("router", "127.0.0.1")]


def test_every_container_is_locked_down(command, stack, engine_client):
    name, _ = stack
    for workload, identity in ids(engine_client, name).items():
        shown = engine_client.api.inspect_container(identity)
        host = shown["HostConfig"]
        assert host["ReadonlyRootfs"], workload
        assert host["CapDrop"] == ["ALL"], workload
        assert host["SecurityOpt"] == ["no-new-privileges:true"], workload
        assert not host["Privileged"], workload
        if workload != "volume-owner":
            assert not shown["Config"]["User"].startswith("0"), workload


def test_what_was_killed_is_back_after_up(command, stack, engine_client):
    name, app = stack
    before = ids(engine_client, name)
    engine_client.api.kill(before["retrieval"])
    assert "retrieval" in command.run("status", "--stack", name, exit_code=1).stderr
    up(command, app, name)
    after = ids(engine_client, name)
    assert {workload for workload in after if after[workload] != before[workload]} == {"retrieval"}
    answer = command.json("ask", "--stack", name, "When does the office in Lisbon open?")
    assert "8:30" in answer["answer"]


def test_another_image_of_one_service_replaces_that_one(command, stack, engine_client, own_images):
    name, app = stack
    before = ids(engine_client, name)
    image = engine_client.images.get(own_images["embedded"])
    engine_client.api.commit(before["reranking"], f"{name}-reranking", "1")  # the same, with another id
    overlay = app / "other.yaml"
    overlay.write_text(json.dumps({"opea_micro_services": {"reranking": {"image": f"{name}-reranking:1"}}}))
    try:
        up(command, app, name, "-f", str(overlay))
        after = ids(engine_client, name)
        assert {workload for workload in after if after[workload] != before[workload]} >= {"reranking"}
        assert after["embedding"] == before["embedding"]
        assert engine_client.containers.get(after["reranking"]).image.id != image.id
        answer = command.json("ask", "--stack", name, "How many days of paid vacation do employees receive?")
        assert "27" in answer["answer"]
    finally:
        up(command, app, name)
        engine_client.images.remove(f"{name}-reranking:1", force=True)


def test_a_destroy_that_keeps_data_and_the_next_up_has_it(command, stack, engine_client):
    name, app = stack
    command("destroy", "--stack", name, "--yes", "--keep-data")
    assert ids(engine_client, name) == {}
    up(command, app, name)
    answer = command.json("ask", "--stack", name, "How many days of paid vacation do employees receive?")
    assert "27" in answer["answer"]


def test_destroy_leaves_nothing(command, stack, engine_client):
    name, _ = stack
    sweep = Sweep(engine_client, labels=[f"opea.stack={name}"], names=[name])
    assert any(line.startswith("volume") for line in sweep.found())
    command("destroy", "--stack", name, "--yes")
    assert sweep.found() == []
    with pytest.raises(NotFound):
        engine_client.networks.get(f"{name}-default")
