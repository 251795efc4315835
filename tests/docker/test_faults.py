"""What goes wrong on a Docker engine is one clear error, and the next `up` puts it right."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import docker_engine
import pytest
from opea_command import Command, until, write_app

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SMALL = """\
opea_micro_services: {embedding: null, llm: %s}
opea_mega_service: {mega_flow: [embedding >> llm]%s}
"""
IMPATIENT = """\
patches:
  - target: docker
    workload: llm
    merge: {healthcheck: {start_period: 1s, interval: 1s, timeout: 1s, retries: 1}}
"""


@pytest.fixture
def stack(command, engine_client):
    """The name of a stack that is gone at the end."""
    name = command.more["OPEA_TEST_TOKEN"] + "-a"
    yield name
    command.run("destroy", "--stack", name, "--yes", exit_code=None)
    assert containers(engine_client, name) == {}


def containers(engine, name):
    found = engine.containers.list(all=True, filters={"label": f"opea.stack={name}"})
    return {each.labels["opea.workload"]: each.id for each in found}


def arguments(app, stack):
    return ["up", str(app), "--target", "docker", "--profile", "embedded", "--stack", stack]


def test_no_engine(command, tmp_path):
    app = write_app(tmp_path)
    elsewhere = Command(
        command.home, command.cwd, {**command.more, "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    )
    said = elsewhere.fails(*arguments(app, "nowhere"), code="docker-down")
    assert "no.sock" in said
    assert len(said.splitlines()) < 6


def test_a_port_that_another_container_publishes(command, stack, engine_client, own_images, tmp_path):
    holder = engine_client.containers.run(
        own_images["embedded"],
        ["opea_pulumi.embedded.llm", "--host", "0.0.0.0", "--port", "9000"],
        ports={"9000/tcp": ("127.0.0.1", None)},
        name=f"{stack}-holder",
        detach=True,
    )
    try:
        holder.reload()
        port = int(holder.ports["9000/tcp"][0]["HostPort"])
        app = write_app(tmp_path, SMALL % ("null", f", port: {port}"))
        said = command.fails(*arguments(app, stack), code="port-taken")
        assert f"port {port} of router is published by container {stack}-holder" in said
    finally:
        holder.remove(force=True, v=True)
    command(*arguments(app, stack))  # now it is free
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_an_image_that_is_nowhere(command, stack, engine_client, tmp_path):
    app = write_app(tmp_path, SMALL % ('{image: "registry.invalid/none:1"}', ""))
    said = command.fails(*arguments(app, stack), code="pull-failed")
    assert "registry.invalid/none:1 cannot be pulled: " in said
    assert "can the engine reach registry.invalid?" in said
    assert containers(engine_client, stack) == {}
    (app / "opea.yaml").write_text(SMALL % ("null", ""))
    command(*arguments(app, stack))


def test_a_service_that_does_not_become_healthy_shows_its_last_lines(
    command, stack, own_images, engine_client, tmp_path
):
    """An image that ends at once with a reason."""
    broken = engine_client.containers.create(own_images["embedded"])
    image = broken.commit(
        f"{stack}-broken",
        "1",
        conf={"Entrypoint": ["python3", "-c", "print('the reason is here'); raise SystemExit(3)"]},
    )
    broken.remove()
    app = write_app(tmp_path, SMALL % (f'{{image: "{stack}-broken:1"}}', "") + IMPATIENT)
    wrapped = "  - {target: docker, workload: llm, merge: {entrypoint: null, command: null}}\n"
    (app / "opea.yaml").write_text((app / "opea.yaml").read_text() + wrapped)
    try:
        said = command.run(*arguments(app, stack), exit_code=1).stderr
        assert "-llm: exit code 3; its last lines:" in said
        assert "the reason is here" in said
        (app / "opea.yaml").write_text(SMALL % ("null", ""))
        command(*arguments(app, stack))
        rows = command.json("status", "--stack", stack)["workloads"]
        assert {row["state"] for row in rows} == {"running"}
    finally:
        command.run("destroy", "--stack", stack, "--yes", exit_code=None)
        engine_client.images.remove(image.id, force=True)


def test_a_killed_up_is_put_right_by_the_next(command, stack, engine_client, tmp_path):
    app = write_app(tmp_path, SMALL % ("null", ""))
    process = command.start(*arguments(app, stack), start_new_session=True)
    until(lambda: containers(engine_client, stack))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    command(*arguments(app, stack))
    rows = command.json("status", "--stack", stack)["workloads"]
    assert {row["state"] for row in rows} == {"running"}


FULL = """\
  - target: docker
    workload: llm
    merge:
      tmpfs: ["/full:size=64k,mode=1777,uid=1000,gid=1000"]
      entrypoint: [sh, -c]
      command: ["dd if=/dev/zero of=/full/x bs=1k count=128"]
"""


def test_a_full_disk_is_named_and_the_next_up_recovers(command, stack, tmp_path):
    app = write_app(tmp_path, SMALL % ("null", "") + IMPATIENT + FULL)
    said = command.run(*arguments(app, stack), exit_code=1).stderr
    assert "No space left on device" in said
    assert "no space is left where it writes (tmpfs /full)" in said
    assert "docker system df" in said
    (app / "opea.yaml").write_text(SMALL % ("null", ""))
    command(*arguments(app, stack))
    rows = command.json("status", "--stack", stack)["workloads"]
    assert {row["state"] for row in rows} == {"running"}


CHATQNA = "opea_app: chatqna\nopea_mega_service: {port: %d}\n"
QUESTION = "How many days of paid vacation do employees receive?"


def test_two_chatqnas_side_by_side_and_one_with_a_full_volume(command, stack, engine_client, tmp_path):
    """Each knows its own document only; the second one's volume takes no more than a MiB."""
    other, elsewhere = command.more["OPEA_TEST_TOKEN"] + "-b", tmp_path / "elsewhere"
    elsewhere.mkdir()
    first, second = docker_engine.free_ports(2)
    apps = {stack: write_app(tmp_path, CHATQNA % first), other: write_app(elsewhere, CHATQNA % second)}
    (apps[other] / "handbook.md").write_text("Employees receive 31 days of paid vacation each year.\n")
    tiny = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
    engine_client.volumes.create(f"{other}-chatqna-documents", driver_opts=tiny, labels={"opea.stack": other})
    try:
        with ThreadPoolExecutor() as threads:
            both = lambda work: list(threads.map(work, apps))  # noqa: E731
            both(lambda name: command(*arguments(apps[name], name)))
            both(lambda name: command("ingest", "--stack", name, str(apps[name] / "handbook.md")))
            answers = both(lambda name: command("ask", "--stack", name, QUESTION))
        assert [("27" in answer, "31" in answer) for answer in answers] == [(True, False), (False, True)]
        said = command.run("ingest", "--stack", other, str(large(tmp_path)), exit_code=1).stderr
        assert "full" in said
        assert "31" in command("ask", "--stack", other, QUESTION)
    finally:
        command.run("destroy", "--stack", other, "--yes", exit_code=None)
    assert "27" in command("ask", "--stack", stack, QUESTION)


def large(folder):
    """A document of more than a MiB."""
    made = folder / "large.txt"
    made.write_text("".join(f"Paragraph {line} of a report. {'word ' * 80}\n\n" for line in range(3000)))
    return made
