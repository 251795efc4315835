"""What `convert --to compose` writes and what a stack makes are the same containers.

Each application is brought up twice, by Docker Compose and by Pulumi, and `docker inspect` of the containers
is compared in every field. compose_differences.yaml names what differs, and docs/docker.md lists the same.
"""

import re
import subprocess
from pathlib import Path

import docker_engine
import docker_images
import pytest
import tools
import yaml
from compose_parity import fields
from docker_plans import known, plan
from docker_sweep import Sweep
from opea_command import ROOT
from opea_pulumi.components.docker import DockerApplication

from opea_pulumi.blueprint import OWN
from opea_pulumi.convert import convert

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

DIFFERENCES = yaml.safe_load((Path(__file__).parent / "compose_differences.yaml").read_text())["differences"]
TOKEN = "hf_not_shown"
APPLICATIONS = {
    "embedded": {
        "opea_app": "chatqna",
        "opea_deployment": {"profile": "embedded", "labels": {"team": "search"}},
    },
    "gaudi": known("chatqna", "router", hardware="gaudi"),
}


@pytest.fixture(scope="module")
def made(module_stacks, engine_client, own_images, tmp_path_factory):
    """The containers of each application by workload: (those of Compose, those of the stack)."""
    try:
        docker_engine.needs_runtime(engine_client, "habana")
    except docker_engine.LackingError as error:
        docker_engine.lacking(str(error))
    ports = iter(docker_engine.free_ports(2 * len(APPLICATIONS)))
    plans = [plan(name, next(ports), with_port(text, next(ports))) for name, text in APPLICATIONS.items()]
    wanted = {image for each in plans for image in each.images if not image.startswith(OWN)}
    docker_images.stand_ins(engine_client, sorted(wanted))
    sweep = Sweep.new(engine_client)
    stack = sweep.names[0]
    try:
        projects = [
            compose(tmp_path_factory.mktemp(each.name), f"{stack}-{each.name}-compose", each)
            for each in plans
        ]
        module_stacks.open(stack, lambda: deploy(plans), create=True).up()
        for project in projects:
            said = project.communicate(timeout=300)[0]
            assert project.returncode == 0, said
        containers = engine_client.containers.list(all=True, filters={"name": stack})
        yield {each.name: pair(containers, each, stack) for each in plans}
    finally:
        sweep.remove()


def with_port(text, port):
    """The application with a port for Compose; a stack's is an argument."""
    return {**text, "opea_mega_service": {**text.get("opea_mega_service", {}), "port": port}}


def deploy(plans):
    for each in plans:
        secrets = {"hf-token": TOKEN}
        DockerApplication(each.name, {"definition": each.definition, "port": each.port, "secrets": secrets})


def compose(folder, project, each):
    """Docker Compose, on its way to bring the application up."""
    (folder / "compose.yaml").write_text(convert(each.blueprint, "compose").text)
    (folder / "secrets").mkdir()
    (folder / "secrets/hf-token").write_text(TOKEN)
    command = [tools.tool("docker-compose"), "--project-name", project, "--file", folder / "compose.yaml"]
    return subprocess.Popen(
        [*command, "up", "--detach", "--wait"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def pair(containers, each, stack):
    """The fields of both containers of every workload."""
    project = f"{stack}-{each.name}-compose"
    found = {key: [None, None] for key in each.services}
    for row in containers:
        labels = row.labels
        if labels.get("com.docker.compose.project") == project:
            found[labels["com.docker.compose.service"]][0] = fields(row.attrs, project)
        elif labels.get("opea.application") == each.name and "opea.role" not in labels:
            found[labels["opea.workload"]][1] = fields(row.attrs, f"{stack}-{each.name}")
    return found


def differing(made):
    """(application, workload, field, Compose's value, the stack's) of what differs."""
    for application, workloads in made.items():
        for workload, (one, other) in workloads.items():
            for field in sorted({*one, *other}):
                if one.get(field) != other.get(field):
                    yield application, workload, field, str(one.get(field)), str(other.get(field))


def names(row, found):
    """Whether a row of the table names a difference."""
    _, _, field, one, other = found
    same = re.fullmatch(row["field"], field)
    return bool(same and re.fullmatch(row["one"], one) and re.fullmatch(row["other"], other))


def test_every_container_is_there_twice(made):
    for application, workloads in made.items():
        assert [key for key, both in workloads.items() if None in both] == [], application


def test_what_differs_is_named(made):
    found = list(differing(made))
    assert [each for each in found if not any(names(row, each) for row in DIFFERENCES)] == []
    assert [row["what"] for row in DIFFERENCES if not any(names(row, each) for each in found)] == []


def test_the_document_lists_the_same():
    section = (ROOT / "docs/docker.md").read_text().partition("## Differences from the compose file\n")[2]
    lines = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    written = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines[2:]]
    assert written == [tuple(row[key] for key in ("what", "compose", "stack", "why")) for row in DIFFERENCES]
