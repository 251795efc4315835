"""The components in programs of other languages: the examples, by plain `pulumi` on the real engine.

The hosts of YAML and Node.js come from Go modules (`support/tools.py`); all three programs run side by side.
"""

import json
import secrets
import shutil
import socket
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker_sweep import Sweep
from opea_command import ROOT, Command
from plain_pulumi import shell
from tools import tool

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

EXAMPLES = ROOT / "examples" / "components"
ADD = "pulumi package add ../clone/components"
BEFORE = {"python": "true", "yaml": ADD, "typescript": ADD}
PROJECT = "opea-parts"


@dataclass
class Program:
    """A copy of an example, and where plain `pulumi` runs it."""

    folder: Path
    command: Command
    hosts: tuple[Path, ...]
    stack: str
    port: int

    def shell(self, script):
        return shell(self.folder, self.command.env, script, path=self.hosts)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.loads(answer.read())


@pytest.fixture(scope="module")
def programs(plugin, own_images, pulumi_engine, engine_client, tmp_path_factory):
    """Every example, deployed; gone at the end."""
    if not shutil.which("npm"):
        pytest.fail("the TypeScript program needs node and npm (Debian: apt-get install npm)")
    hosts = tuple(tool(f"pulumi-language-{name}").parent for name in ("yaml", "nodejs"))
    token, folder = f"opea-test-{secrets.token_hex(4)}", tmp_path_factory.mktemp("languages")
    made = {
        language: Program(
            Path(shutil.copytree(EXAMPLES / language, folder / language)),
            Command(folder / f"home-{language}", folder, plugin),
            hosts,
            f"{token}-{language}",
            port,
        )
        for language, port in zip(BEFORE, free_ports(len(BEFORE)), strict=True)
    }
    # YAML's host leaves the plugin's schema beside it, so that must not be this checkout
    shutil.copytree(ROOT / "components", folder / "clone" / "components")
    (folder / "clone" / ".venv").symlink_to(sys.prefix)
    sweep = Sweep(engine_client, names=[f"{PROJECT}-{token}", f"{token}-"])
    try:
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda item: begin(*item), made.items()))
            yield made
            list(threads.map(lambda each: each.shell("pulumi destroy --yes --skip-preview"), made.values()))
        assert sweep.found() == []
    finally:
        sweep.remove()


def begin(language, program):
    program.shell(
        f"{BEFORE[language]}; pulumi stack select --create {program.stack}; "
        f"pulumi config set port {program.port}; pulumi up --yes --skip-preview --non-interactive"
    )


def free_ports(count):
    """Ports that were free a moment ago, all of them different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.mark.parametrize("language", BEFORE)
def test_the_flow_is_served(programs, language):
    program = programs[language]
    url = program.shell("pulumi stack output url").splitlines()[-1]
    assert url == f"http://127.0.0.1:{program.port}"
    assert program.get("/ready") == {"ready": True}


@pytest.mark.parametrize("language", BEFORE)
def test_a_second_up_changes_nothing(programs, language):
    programs[language].shell("pulumi up --yes --skip-preview --non-interactive --expect-no-changes")


def test_every_language_makes_the_same_containers(programs, engine_client):
    """But for what has the name of the stack, and the port."""
    made = {language: containers(engine_client, program) for language, program in programs.items()}
    assert set(made["python"]) == {"embedding", "llm", "router"}
    assert made["yaml"] == made["python"]
    assert made["typescript"] == made["python"]


def containers(engine, program):
    found = engine.containers.list(filters={"label": f"opea.stack={program.stack}"})
    return {each.labels["opea.workload"]: essence(each.attrs) for each in found}


def essence(shown):
    config, host = shown["Config"], shown["HostConfig"]
    of_config = ("Env", "Cmd", "Entrypoint", "User", "Healthcheck")
    of_host = ("Memory", "NanoCpus", "CapDrop", "SecurityOpt", "ReadonlyRootfs", "RestartPolicy", "Tmpfs")
    return {name: config[name] for name in of_config} | {name: host[name] for name in of_host}
