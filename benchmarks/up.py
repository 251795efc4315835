"""From `up` to ready. Rival: the same processes started by hand, waited for in the same way."""

import subprocess
import sys
import time
import urllib.request
from urllib.error import URLError

from benchmarks.tools import COMMAND, STACK, cost_of, deployed, ratio, spread, table
from opea_pulumi.application import load_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.flow import dump_flow

ROUNDS = 3


def run() -> str:
    first, again, by_hand = [], [], []
    for _ in range(ROUNDS):
        with deployed() as (app, environ):
            first.append(cost_of([*COMMAND, "up", str(app), *STACK], **environ).wall)
            again.append(cost_of([*COMMAND, "up", str(app), *STACK], **environ).wall)
        by_hand.append(_by_hand())
    rows = [
        ("up of ChatQnA, first (6 processes, engine included)", spread(first), ratio(first, by_hand)),
        ("up again, nothing to do", spread(again), ratio(again, by_hand)),
        ("the 6 processes by hand, all at once, no engine", spread(by_hand), "1.00 x"),
    ]
    return table(
        f"from up to ready ({ROUNDS} rounds)", ("what", "wall min / median / max", "to by hand"), rows
    )


def _by_hand() -> float:
    """The least that anything could take: start every process at once and wait for their health."""
    with deployed() as (app, environ):
        blueprint = build_blueprint(load_application(app).application, name="bench", profile="embedded")
        ports = {workload.name: 20000 + index for index, workload in enumerate(blueprint.workloads)}
        urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        graph = dump_flow(blueprint.resolved_flow(lambda name: urls[name]))
        settings = {
            "VECTOR_STORE_PATH": environ["OPEA_HOME"],
            "INDEX_NAME": "bench",
            "TEI_EMBEDDING_ENDPOINT": urls["embedding"],
            "PATH": "/usr/bin",
        }
        started = time.perf_counter()
        processes = []
        for workload in blueprint.workloads:
            words = [*workload.command[1:], *workload.args]
            filled = {"{host}": "127.0.0.1", "{port}": str(ports[workload.name]), "{graph}": graph}
            arguments = [sys.executable, *(filled.get(word, word) for word in words)]
            processes.append(subprocess.Popen(arguments, env=settings, stdout=subprocess.DEVNULL))
        try:
            for workload in blueprint.workloads:
                _wait(urls[workload.name] + workload.health.path)
            return time.perf_counter() - started
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url):
                return
        except (URLError, OSError):
            time.sleep(0.01)
    raise SystemExit(f"{url} did not answer in 60 s")
