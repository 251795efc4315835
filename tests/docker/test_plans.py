"""OPEA's applications on Xeon and Gaudi, as real containers, against their plans.

Every container is what the Blueprint's description of it says, in every field; and where that differs from
upstream's compose files (a file each in plans/), plans/differences.yaml names it and says why.
"""

import re
import socket
from functools import cache
from pathlib import Path

import docker_engine
import docker_images
import pulumi
import pytest
import yaml
from container_facts import described, inspected
from docker_plans import plan
from docker_sweep import Sweep
from upstream_plans import ours, theirs

from opea_pulumi.components.docker import DockerApplication, DockerRouter, DockerUi

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

PLANS = Path(__file__).parent / "plans"
DIFFERENCES = yaml.safe_load((PLANS / "differences.yaml").read_text())["differences"]
APPLICATIONS = ("chatqna", "codegen", "docsum", "audioqna")
HARDWARE = ("xeon", "gaudi")
LOOPBACK = "127.0.0.1"


def free_ports(count):
    """Ports that nobody has; held until all are known."""
    probes = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@cache
def plans(hardware):
    """What runs side by side: upstream's four applications, and on Xeon what the operator's router runs."""
    ports = free_ports(len(APPLICATIONS) + 2)
    made = [
        plan(f"{name}-{hardware}", name, port, "megaservice", ui=True, hardware=hardware)
        for name, port in zip(APPLICATIONS, ports, strict=False)
    ]
    if hardware == "xeon":
        made.append(plan("chatqna-gmc", "chatqna", ports[-2], "gmc"))
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
        rows = engine.containers.list(all=True, filters={"label": f"opea.stack={stack}"})
        self.images = {image.id: image.attrs for image in {row.image for row in rows}}
        self.seen = {
            (row.labels["opea.application"], row.labels["opea.workload"]): row.attrs
            for row in rows
            if "opea.role" not in row.labels
        }

    def facts(self, application, workload):
        seen = self.seen[application, workload]
        return inspected(seen, self.images[seen["Image"]], f"{self.prefix}-{application}-")


@pytest.fixture(scope="module", params=HARDWARE)
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
        handle.destroy()
        assert sweep.found() == []
    finally:
        sweep.remove()


def test_every_container_is_what_the_blueprint_says(deployed):
    for each in plans(deployed.hardware):
        assert {key for name, key in deployed.seen if name == each.name} == set(each.services)
        for key, service in each.services.items():
            wanted = described(key, service, f"{LOOPBACK}:{each.port}")
            if each.name != "chatqna-gaudi":  # the others have no secrets
                wanted = {fact for fact in wanted if fact[0] != "secrets"}
            found = deployed.facts(each.name, key)
            assert sorted(found ^ wanted) == [], (each.name, key)


def differences(name, deployed):
    """(who alone says it, the line) of an application and upstream's plan of it."""
    upstream = theirs(yaml.safe_load((PLANS / f"{name}.yaml").read_text())["services"])
    here = ours({key: deployed.facts(name, key) for of, key in deployed.seen if of == name})
    yield from (("upstream", line) for line in sorted(upstream - here))
    yield from (("ours", line) for line in sorted(here - upstream))


def named(name, only, line):
    """The indexes of the named differences that a difference is."""
    for index, row in enumerate(DIFFERENCES):
        where = re.fullmatch(row.get("where", ".*"), name)
        if where and row["only"] == only and re.fullmatch(row["line"], line, re.DOTALL):
            yield index


USED = set()
"""The named differences that were met, and the hardware that was looked at."""


def test_what_differs_from_upstream_is_named(deployed):
    unnamed = []
    for application in APPLICATIONS:
        name = f"{application}-{deployed.hardware}"
        for only, line in differences(name, deployed):
            found = list(named(name, only, line))
            USED.update(found)
            if not found:
                unnamed.append((name, only, line))
    assert unnamed == []
