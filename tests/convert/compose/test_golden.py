"""Whole compose files against files, and against Docker Compose itself."""

import os
from pathlib import Path

import pytest
import yaml
from tools import run_tool

from opea_pulumi.application import Application, parse_application
from opea_pulumi.convert import convert, read

HERE = Path(__file__).parent
NAMES = [case["name"] for case in yaml.safe_load((HERE / "cases.yaml").read_text())]

by_case = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def application(name, cases, build) -> Application:
    return build(cases[name])[0]


@pytest.fixture
def conversion(name, cases, build):
    application, blueprint = build(cases[name])
    return convert(blueprint, "compose", application=application)


def golden(name):
    return HERE / "golden" / f"{name}.yaml"


@by_case
def test_golden(name, conversion):
    losses = "".join(f"# lost: {loss}\n" for loss in conversion.losses)
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        golden(name).write_text(losses + conversion.text)
    assert losses + conversion.text == golden(name).read_text()


def test_there_is_no_golden_file_without_a_case():
    assert {file.stem for file in (HERE / "golden").iterdir()} == set(NAMES)


@pytest.fixture
def written(conversion, tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(conversion.text)
    return file


@by_case
def test_docker_compose_takes_it(name, written):
    result = run_tool("docker-compose", "-f", written, "config", "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@by_case
def test_docker_compose_reads_what_was_meant(name, written):
    """Interpolated by Compose itself, every command and environment is the blueprint's."""
    result = run_tool("docker-compose", "-f", written, "config")
    read_back = yaml.safe_load(result.stdout)["services"]
    for service, keys in yaml.safe_load(written.read_text())["services"].items():
        for key in ("command", "entrypoint"):
            words = [word.replace("$$", "$") for word in keys.get(key, [])]
            shown = [word.replace("$$", "$") for word in read_back[service].get(key) or []]
            assert shown == words
        assert {k: str(v) for k, v in (read_back[service].get("environment") or {}).items()} == (
            keys.get("environment") or {}
        )


@by_case
def test_it_reads_back_as_the_same_application(name, application, conversion):
    assert read(conversion.text, "compose") == (application, ())


@by_case
def test_services_alone_tell_the_same_flow(name, application, build, cases):
    """Without the application in the file, images, commands and the graph give the pipeline."""
    _, blueprint = build(cases[name])
    back, losses = read(convert(blueprint, "compose").text, "compose")
    assert losses == ()
    steps = [
        step.name for node in blueprint.flow.nodes.values() for step in node.steps if not step.is_downstream
    ]
    assert [back.services[step].type for step in back.mega.flow.nodes] == [
        blueprint.flow.types[step] for step in steps
    ]
    again = build({**cases[name], "text": yaml.safe_dump(back.to_document())})[1]
    if not cases[name]["text"].count("url"):
        images = {item.name: (item.image, item.model) for item in blueprint.workloads}
        assert {item.name: (item.image, item.model) for item in again.workloads} == images


@by_case
def test_only_one_port_is_published_and_only_on_this_machine(name, conversion):
    services = yaml.safe_load(conversion.text)["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == 1
    assert ports[0].startswith("127.0.0.1:")


@by_case
def test_it_is_hardened(name, conversion):
    text = conversion.text
    for service, keys in yaml.safe_load(text)["services"].items():
        assert keys["cap_drop"] == ["ALL"], service
        assert "no-new-privileges:true" in keys["security_opt"]
        assert keys.get("read_only") or f"#   {service}: writable-root: " in text
        assert "memory" in keys["deploy"]["resources"]["limits"]
        assert "pids" in keys["deploy"]["resources"]["limits"]
        one_shot = keys["restart"] != "unless-stopped"
        assert one_shot or keys["healthcheck"]["test"][0] == "CMD"
        excepted = [line for line in text.splitlines() if line.startswith(f"#   {service}: ")]
        if keys["user"] == "0:0" or "cap_add" in keys or "ipc" in keys:
            assert excepted, "an exception is named in the header"


@by_case
def test_what_it_depends_on_is_there(name, conversion):
    services = yaml.safe_load(conversion.text)["services"]
    for keys in services.values():
        for other, how in keys.get("depends_on", {}).items():
            condition = how["condition"]
            assert (condition == "service_healthy") == ("healthcheck" in services[other])
            assert (condition == "service_completed_successfully") == (
                services[other]["restart"] != "unless-stopped"
            )


def test_the_document_in_it_is_the_applications(cases, build):
    application, blueprint = build(cases["settings"])
    document = yaml.safe_load(convert(blueprint, "compose", application=application).text)
    assert parse_application(yaml.safe_dump(document["x-opea"]["application"])) == application
