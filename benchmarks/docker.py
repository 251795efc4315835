"""A Docker stack from nothing to healthy and away again. Rival: Docker Compose with the same containers.

The rival's file is what `convert --to compose` writes, so that images, health checks and order are equal. The
plugin `docker` is the tests' (tests/support/docker_plugin), since the vendor's cannot be had everywhere.
"""

import os
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.tools import COMMAND, cost_of, ratio, spread, table

ROOT = Path(__file__).parents[1]
ROUNDS = 3
SIZES = (10, 50, 200)
LARGEST = 50
"""Services in one application; more are several applications in one program (the language has a limit)."""
STEPS = ("up", "up again, nothing to do", "destroy")


def run() -> str:
    sys.path.append(str(ROOT / "tests" / "support"))
    try:
        import docker_engine
        import docker_plugin
        from tools import LackingError, program_of

        docker_engine.client().close()
        compose = str(program_of("docker-compose"))
    except (ImportError, LackingError, docker_engine.LackingError) as error:
        return table("docker", ("what", "result"), [("not measured", str(error))])
    with docker_plugin.attached() as environment:
        return f"{_beside_compose(compose, environment)}\n{_previews(environment)}"


def _beside_compose(compose: str, environment: Mapping[str, str]) -> str:
    costs: dict[str, list[list[float]]] = {"ours": [[], [], []], "compose": [[], [], []]}
    with _application(environment) as (app, environ):
        file = app / "compose.yaml"
        options = ("--profile", "embedded")
        cost_of((*COMMAND, "convert", str(app), "--to", "compose", *options, "-o", str(file)), **environ)
        name = f"bench-{secrets.token_hex(3)}"
        ours = (str(app), "--target", "docker", "--stack", name, *options)
        theirs = (compose, "--project-name", name, "--file", str(file))
        runs = {
            "ours": (
                (*COMMAND, "up", *ours),
                (*COMMAND, "up", *ours),
                (*COMMAND, "destroy", "--yes", "--stack", name),
            ),
            "compose": (
                (*theirs, "up", "--detach", "--wait"),
                (*theirs, "up", "--detach", "--wait"),
                (*theirs, "down", "--volumes"),
            ),
        }
        cost_of(runs["ours"][0], **environ)  # builds our images, if the engine has none
        cost_of(runs["ours"][2], **environ)
        for number in range(ROUNDS):
            for who in list(runs)[:: 1 if number % 2 else -1]:  # in turns: whoever is first may be the slower
                for step, command in enumerate(runs[who]):
                    costs[who][step].append(cost_of(command, **environ).wall)
    rows = [
        (
            step,
            spread(costs["ours"][index]),
            spread(costs["compose"][index]),
            ratio(costs["ours"][index], costs["compose"][index]),
        )
        for index, step in enumerate(STEPS)
    ]
    headings = ("step", "opea-pulumi min / median / max", "compose min / median / max", "to compose")
    return table(f"embedded ChatQnA on Docker, 7 containers ({ROUNDS} rounds, wall)", headings, rows)


@contextmanager
def _application(environment: Mapping[str, str]) -> Iterator[tuple[Path, dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "bench"
        app.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as probe:  # others may use the engine, and the usual port
            port = probe.getsockname()[1]
        (app / "opea.yaml").write_text(f"opea_app: chatqna\nopea_mega_service: {{port: {port}}}\n")
        yield app, {"OPEA_HOME": f"{folder}/home", "PULUMI_HOME": f"{folder}/pulumi", **environment}


def _previews(environment: Mapping[str, str]) -> str:
    """The first preview of a stack; nothing is deployed."""
    from opea_pulumi.engine import Home, Stacks, obtain

    engine = obtain()
    middles = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({"OPEA_HOME": f"{folder}/home", "PULUMI_HOME": f"{folder}/pulumi", **environment})
        stacks = Stacks(engine, Home.from_environment(), report=lambda _line: None)
        for size in SIZES:
            times = []
            for round_ in range(ROUNDS):
                handle = stacks.open(f"bench-{size}-{round_}", _program(size), create=True)
                started = time.perf_counter()
                changes = handle.preview().changes
                times.append(time.perf_counter() - started)
                if changes["create"] <= size:
                    raise SystemExit(f"the preview of {size} services created {changes}")
            middles.append((size, times))
    rows = []
    for index, (size, times) in enumerate(middles):
        more = "-"
        if index:
            before, earlier = middles[index - 1]
            step = (statistics.median(times) - statistics.median(earlier)) / (size - before)
            more = f"{step * 1000:.1f} ms"
        rows.append((str(size), spread(times), more))
    headings = ("services", "preview min / median / max", "a further service")
    return table(f"preview of a generated program ({ROUNDS} rounds, wall)", headings, rows)


def _program(size: int) -> Callable[[], None]:
    """Applications that are a chain of microservices each, with a router before it."""

    def program() -> None:
        from opea_pulumi.components.docker import DockerApplication

        for number in range(-(-size // LARGEST)):
            count = min(LARGEST, size - number * LARGEST)
            names = [f"llm-{index}" for index in range(count)]
            listed = "".join(f"  {name}: {{type: llm}}\n" for name in names)
            flow = f"opea_mega_service: {{mega_flow: [{' >> '.join(names)}]}}\n"
            definition = f"opea_micro_services:\n{listed}{flow}"
            DockerApplication(f"many-{number}", {"definition": definition, "profile": "embedded"})

    return program
