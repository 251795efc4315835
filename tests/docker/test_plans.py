"""OPEA's applications on Xeon and Gaudi, as real containers, against their plans.

Every container is what the Blueprint's description of it says, in every field; and where that differs from
upstream's compose files (a file each in plans/), plans/differences.yaml names it and says why.
"""

import re
from functools import cache
from pathlib import Path

import docker_engine
import docker_images
import pytest
import yaml
from container_facts import described, inspected
from docker_plans import known, plan
from docker_sweep import Sweep
from opea_pulumi.components.docker import DockerApplication, DockerRouter, DockerUi
from upstream_plans import ours, theirs

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

PLANS = Path(__file__).parent / "plans"
DIFFERENCES = yaml.safe_load((PLANS / "differences.yaml").read_text())["differences"]
UPSTREAM = {file.stem: yaml.safe_load(file.read_text()) for file in PLANS.glob("*-*.yaml")}
APPLICATIONS = ("chatqna", "codegen", "docsum", "audioqna")
HARDWARE = ("xeon", "gaudi")
LOOPBACK = "127.0.0.1"
CARDS = "HABANA_VISIBLE_DEVICES="


@cache
def plans(hardware):
    """What runs side by side: upstream's four applications, and on Xeon what the operator's router runs."""
    ports = docker_engine.free_ports(len(APPLICATIONS) + 1)
    made = [
        plan(f"{name}-{hardware}", port, known(name, "megaservice", ui=True, hardware=hardware))
        for name, port in zip(APPLICATIONS, ports, strict=False)
    ]
    if hardware == "xeon":
        made.append(plan("chatqna-gmc", ports[-1], known("chatqna", "gmc")))
    return made


def deploy(hardware):
    """The program; on Xeon also parts of an application alone, which call the others."""
    made = {}
    for each in plans(hardware):
        secrets = {"hf-token": "hf_not_shown"} if each.name == "chatqna-gaudi" else {}
        args = {"definition": each.definition, "port": each.port, "secrets": secrets}
        made[each.name] = DockerApplication(each.name, args)
    if hardware == "xeon":
        _alone(made)


def _alone(made):
    """Parts by themselves, which call the others of an application that runs already."""

    def args(name, **more):
        of = next(each for each in plans("xeon") if each.name == name)
        serving = [item.name for item in of.blueprint.workloads if item.role != "prefetch"]
        endpoints = {key: made[name].endpoints[key] for key in serving}
        network = made[name].network
        return {"definition": of.definition, "endpoints": endpoints, "network": network, **more}

    DockerRouter("alone-megaservice", args("chatqna-xeon", kind="megaservice"))
    DockerRouter("alone-gmc", args("chatqna-gmc", kind="gmc"))
    DockerUi("alone-ui", args("chatqna-xeon"))


class Deployed:
    """The containers of a program's stack, as the engine tells them, by application and workload."""

    def __init__(self, engine, stack, hardware):
        self.hardware, self.prefix = hardware, stack
        self.planned = {
            (each.name, key): CARDS + service["environment"][CARDS.rstrip("=")]
            for each in plans(hardware)
            for key, service in each.services.items()
            if CARDS.rstrip("=") in service.get("environment", {})
        }
        rows = engine.containers.list(all=True, filters={"label": f"opea.stack={stack}"})
        self.images = {image.id: image.attrs for image in {row.image for row in rows}}
        self.seen = {
            (row.labels["opea.application"], row.labels["opea.workload"]): row.attrs
            for row in rows
            if "opea.role" not in row.labels
        }

    def facts(self, application, workload):
        """A container's facts; its cards, which a program's applications share out, as planned if as many."""
        seen = self.seen[application, workload]
        found = inspected(seen, self.images[seen["Image"]], f"{self.prefix}-{application}-")
        planned = self.planned.get((application, workload), "")
        return {
            (kind, planned if value.startswith(CARDS) and value.count(",") == planned.count(",") else value)
            for kind, value in found
        }


@pytest.fixture(scope="module")
def deployed(request, module_stacks, engine_client):
    hardware = request.param
    try:
        docker_engine.needs_runtime(engine_client, "habana")
    except docker_engine.LackingError as error:
        docker_engine.lacking(str(error))
    images = sorted(set().union(*(each.images for each in plans(hardware))))
    docker_images.stand_ins(engine_client, images)
    sweep = Sweep.new(engine_client)
    stack = sweep.names[0]
    handle = module_stacks.open(stack, lambda: deploy(hardware), create=True)
    try:
        handle.up()
        yield Deployed(engine_client, stack, hardware)
    finally:
        sweep.remove()  # a destroy asks every container to stop, which takes longer


@pytest.mark.parametrize("deployed", HARDWARE, indirect=True)
def test_every_container_is_what_the_blueprint_says(deployed):
    for each in plans(deployed.hardware):
        assert {key for name, key in deployed.seen if name == each.name} == set(each.services)
        for key, service in each.services.items():
            wanted = described(key, service, f"{LOOPBACK}:{each.port}")
            if each.name != "chatqna-gaudi":  # the others have no secrets
                wanted = {fact for fact in wanted if fact[0] != "secrets"}
            found = deployed.facts(each.name, key)
            assert sorted(found ^ wanted) == [], (each.name, key)


@pytest.mark.parametrize("deployed", ["gaudi"], indirect=True)
def test_no_card_belongs_to_two_containers(deployed):
    entries = [entry for row in deployed.seen.values() for entry in row["Config"]["Env"]]
    given = [entry.removeprefix(CARDS) for entry in entries if entry.startswith(CARDS)]
    indexes = [index for text in given for index in text.split(",")]
    assert sorted(map(int, indexes)) == list(range(len(indexes)))
    assert len(given) == len(deployed.planned)


@pytest.mark.parametrize("deployed", ["xeon"], indirect=True)
@pytest.mark.parametrize(
    ("alone", "workload", "of"),
    [
        ("alone-megaservice", "megaservice", "chatqna-xeon"),
        ("alone-gmc", "router", "chatqna-gmc"),
        ("alone-ui", "ui", "chatqna-xeon"),
        ("alone-ui", "gateway", "chatqna-xeon"),
    ],
)
def test_a_part_alone_is_the_same_container(deployed, alone, workload, of):
    """But for the network that it was given, and the application's patches (here of its patience)."""
    differ = deployed.facts(alone, workload) ^ deployed.facts(of, workload)
    assert {kind for kind, _ in differ} <= {"network", "published", "patience"}


def differing(name, containers):
    """(who alone says it, the line) of an application's containers and upstream's plan of it."""
    upstream, here = theirs(UPSTREAM[name]["services"]), ours(containers)
    yield from (("upstream", line) for line in sorted(upstream - here))
    yield from (("ours", line) for line in sorted(here - upstream))


def named(name, only, line):
    """The indexes of the named differences that a difference is."""
    for index, row in enumerate(DIFFERENCES):
        where = re.fullmatch(row.get("where", ".*"), name)
        if where and row["only"] == only and re.fullmatch(row["line"], line, re.DOTALL):
            yield index


@pytest.mark.parametrize("deployed", HARDWARE, indirect=True)
def test_what_differs_from_upstream_is_named(deployed):
    for name in (each.name for each in plans(deployed.hardware) if each.name in UPSTREAM):
        containers = {key: deployed.facts(name, key) for of, key in deployed.seen if of == name}
        unnamed = [found for found in differing(name, containers) if not list(named(name, *found))]
        assert unnamed == [], name


def test_every_named_difference_exists_and_says_why():
    found = set()
    for hardware in HARDWARE:
        for each in plans(hardware):
            if each.name in UPSTREAM:
                facts = {
                    key: described(key, service, f"{LOOPBACK}:1") for key, service in each.services.items()
                }
                found |= {
                    index
                    for only, line in differing(each.name, facts)
                    for index in named(each.name, only, line)
                }
    assert [row["line"] for index, row in enumerate(DIFFERENCES) if index not in found] == []
    assert all(row["why"] for row in DIFFERENCES)
