"""The tests' engine and its stand-ins, which must do what the catalogue's images do (and be able not to)."""

import json
import time
from pathlib import Path

import docker_engine
import docker_images
import pytest
import yaml
from docker_exec import run as run_in
from docker_exec import until_logged

_EXPECTED = Path(__file__).parents[2] / "examples"
_EMPTY_PORTS = (9,)


def services():
    """Every service of every golden compose file."""
    for file in sorted(_EXPECTED.glob("*/expected/compose.*.yaml")):
        yield from yaml.safe_load(file.read_text())["services"].items()


def unescaped(words):
    """Compose's `$$` is `$`."""
    return [word.replace("$$", "$") for word in words]


def distinct(found):
    return [json.loads(text) for text in sorted({json.dumps(each) for each in found})]


def health_checks():
    return distinct(
        service["healthcheck"]["test"][1:] for _, service in services() if "healthcheck" in service
    )


def entry_points():
    found = {}
    for name, service in services():
        if (entry := service.get("entrypoint")) and "chown" not in " ".join(entry):
            found.setdefault(json.dumps(entry), (name, entry, service.get("command") or []))
    return list(found.values())


@pytest.fixture
def run(engine_client, sweep, stand_in):
    def start(name="stand-in", *, ports=None, **options):
        image = stand_in(ports=ports)
        key, _, value = sweep.labels[0].partition("=")
        return engine_client.containers.run(
            image, name=f"{sweep.names[0]}-{name}", labels={key: value}, detach=True, **options
        )

    return start


def listening(container):
    until_logged(container, "listening on")


def test_every_health_check_of_the_catalogue_passes_in_a_stand_in(run):
    container = run(user="1000:1000", read_only=True)
    listening(container)
    checks = health_checks()
    assert len(checks) > 30
    failed = {str(check): code for check in checks if (code := run_in(container, unescaped(check))[0])}
    assert failed == {}


def test_every_health_check_fails_where_nothing_listens(run):
    container = run(ports=_EMPTY_PORTS, user="1000:1000")
    listening(container)
    passed = [check for check in health_checks() if run_in(container, unescaped(check))[0] == 0]
    assert passed == []


def test_a_stand_in_can_be_made_unhealthy(run):
    container = run(ports=(8000,))
    listening(container)
    check = "curl -fsS http://127.0.0.1:8000/health"
    assert run_in(container, check)[0] == 0
    run_in(container, "touch /tmp/stand-in-unhealthy")
    assert run_in(container, check)[0] != 0


def test_every_entrypoint_of_the_catalogue_starts_a_stand_in(run):
    entries = entry_points()
    assert len(entries) > 15
    for number, (name, entry, command) in enumerate(entries):
        container = run(f"{number}-{name}", entrypoint=unescaped(entry), command=unescaped(command))
        if "huggingface-cli" in entry:
            assert container.wait()["StatusCode"] == 0, container.logs()
        else:
            listening(container)
        container.remove(force=True)


def test_a_stand_in_tells_how_it_was_started(run):
    container = run(
        ports=(),
        command=["--model-id", "some/model", "--port", "2081"],
        environment={"A": "b"},
        user="1000:2000",
        group_add=["3000"],
        shm_size="64m",
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        read_only=True,
        tmpfs={"/tmp": ""},
    )
    listening(container)
    told = json.loads(run_in(container, "curl -s http://127.0.0.1:2081/stand-in")[1])
    assert told["argv"][1:] == ["--model-id", "some/model", "--port", "2081"]
    assert told["env"]["A"] == "b"
    assert (told["uid"], told["gid"], told["groups"]) == (1000, 2000, [2000, 3000])
    assert told["shm_bytes"] == 64 * 1024 * 1024
    assert told["capabilities"] == "0" * 16
    assert told["no_new_privileges"]
    assert told["root_is_read_only"]
    assert "/tmp" in told["mounts"]


def test_a_stand_in_ends_at_once_when_it_is_told_to(run):
    container = run(ports=(8000,))
    listening(container)
    began = time.monotonic()
    container.stop(timeout=20)
    assert time.monotonic() - began < 10
    assert container.wait()["StatusCode"] == 0


def test_one_image_has_many_names(engine_client, stand_in, sweep):
    names = [
        f"{sweep.names[0]}/retriever:1.5",
        f"127.0.0.1:5999/{sweep.names[0]}/tei",
        f"{sweep.names[0]}-x:y",
    ]
    identifier = stand_in(*names)
    try:
        assert {engine_client.images.get(name).id for name in names} == {identifier}
    finally:
        for name in names:
            engine_client.images.remove(name)


def test_an_engine_that_was_asked_for_and_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("OPEA_TEST_SETUP", "1")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(docker_engine.LackingError, match=r"DOCKER_HOST=unix://.*none.sock does not answer"):
        docker_engine.ensure()


def test_without_leave_nothing_is_started(monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("OPEA_TEST_SETUP", raising=False)
    monkeypatch.setenv("OPEA_TEST_REQUIRE", "docker")
    monkeypatch.setattr(docker_engine, "DEFAULT", f"unix://{tmp_path}/none.sock")
    with pytest.raises(docker_engine.LackingError, match="OPEA_TEST_SETUP=1 allows its installation"):
        docker_engine.ensure()


def test_where_none_is_required_none_is_started(monkeypatch, tmp_path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("OPEA_TEST_SETUP", "1")
    monkeypatch.setenv("OPEA_TEST_REQUIRE", "gates")
    monkeypatch.setattr(docker_engine, "DEFAULT", f"unix://{tmp_path}/none.sock")
    with pytest.raises(docker_engine.LackingError, match="none is required"):
        docker_engine.ensure()


def test_a_lack_fails_where_docker_is_required(monkeypatch):
    monkeypatch.setenv("OPEA_TEST_REQUIRE", "gates")
    with pytest.raises(pytest.skip.Exception, match="no engine"):
        docker_engine.lacking("no engine")
    monkeypatch.setenv("OPEA_TEST_REQUIRE", "gates,docker")
    with pytest.raises(pytest.fail.Exception, match="no engine"):
        docker_engine.lacking("no engine")


def test_the_base_image_is_small(engine_client, stand_in):
    stand_in()
    assert engine_client.images.get(docker_images.BASE).attrs["Size"] < 160e6
