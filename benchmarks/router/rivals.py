"""The programs that are measured: each as its own process, pinned to one core."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.router.load import Call, prepared
from benchmarks.router.upstreams import PASSAGES, VECTOR
from opea_pulumi.home import cache

GMC_PORT = 8080
"""gmcrouter listens there and nowhere else."""

QUESTION = "How long does the battery last?"
COMPS = "opea-comps==1.5"
_STEPS = (
    ("embedding", "/v1/embeddings", {"input": QUESTION}),
    ("retrieval", "/v1/retrieval", {"text": QUESTION, "embedding": VECTOR}),
    (
        "reranking",
        "/v1/reranking",
        {"initial_query": QUESTION, "retrieved_docs": [{"text": text} for text in PASSAGES]},
    ),
    ("llm", "/v1/chat/completions", {"messages": [{"role": "user", "content": PASSAGES[2] + QUESTION}]}),
)


@dataclass(frozen=True)
class Target:
    """What answers a request: the calls that a client has to make, and the router's process, if any."""

    name: str
    calls: tuple[Call, ...]
    process: psutil.Process | None = None

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        if self.process is None:
            return 0.0
        times = self.process.cpu_times()
        return times.user + times.system

    def memory(self, *, peak: bool = True) -> float:
        """Resident MB, by default the most there ever were."""
        if self.process is None:
            return 0.0
        status = Path(f"/proc/{self.process.pid}/status")
        if peak and status.exists():
            line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            return int(line.split()[1]) / 1024
        return self.process.memory_info().rss / 2**20


@dataclass(frozen=True)
class Rivals:
    """What there is to compare with."""

    comps: Path | None
    gmcrouter: Path | None


@dataclass(frozen=True)
class Scene:
    """One flow: its number of steps, the query of every step's URL, and whether the answer streams."""

    steps: int
    query: str = ""
    stream: bool = False


def find_rivals() -> tuple[Rivals, list[str]]:
    """The rivals, and in words what is missing."""
    missing = []
    given = os.environ.get("OPEA_GMCROUTER")
    if not given:
        missing.append("gmcrouter: not given (--gmcrouter PATH or OPEA_GMCROUTER)")
    elif not _free(GMC_PORT):
        given = None
        missing.append(f"gmcrouter: its port {GMC_PORT} is taken")
    comps, reason = _comps()
    if reason:
        missing.append(f"ServiceOrchestrator: {reason}")
    return Rivals(comps, Path(given) if given else None), missing


@contextmanager
def targets(scene: Scene, rivals: Rivals, only: str = "") -> Iterator[list[Target]]:
    """Everything that can answer this scene, ready; ``only`` starts one of the routers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(_upstream())
        makers = {
            "aligned": lambda: _ours("aligned", scene, upstream, folder),
            "pass-through": lambda: _ours("pass-through", scene, upstream, folder),
        }
        if rivals.comps:
            makers["ServiceOrchestrator"] = lambda: _orchestrator(rivals.comps, scene, upstream, folder)
        if rivals.gmcrouter:
            makers["gmcrouter"] = lambda: _gmcrouter(rivals.gmcrouter, scene, upstream, folder)
        found = [_direct(scene, upstream)]
        for name, make in makers.items():
            if only in ("", name):
                found.append(stack.enter_context(make()))
        yield found


def prepare_this_process() -> None:
    """The client and the services share the last core; the routers have the first."""
    _pin(_cores()[-1])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _direct(scene: Scene, upstream: int) -> Target:
    calls = []
    for name, path, body in _STEPS[-scene.steps :]:
        extra = {"stream": True} if scene.stream and name == "llm" else {}
        calls.append(prepared(upstream, path + scene.query, json.dumps({**body, **extra}).encode()))
    return Target("direct calls", tuple(calls))


@contextmanager
def _upstream() -> Iterator[int]:
    command = [sys.executable, str(Path(__file__).with_name("upstreams.py"))]
    with _process(command, core=_cores()[-1], stdout=subprocess.PIPE) as process:
        yield int(process.stdout.readline())


@contextmanager
def _ours(mode: str, scene: Scene, upstream: int, folder: Path) -> Iterator[Target]:
    log = folder / f"{mode}.log"
    graph = _graph(mode, scene, upstream)
    command = [sys.executable, "-m", "opea_pulumi.router", "--graph-json", graph, "--port", "0"]
    command += ["--max-concurrency", "4096"]
    with log.open("wb") as file, _process(command, core=_cores()[0], stdout=file) as process:
        port = _logged_port(process, log)
        yield Target(f"ours, {mode}", (_question(port, scene),), psutil.Process(process.pid))


def _graph(mode: str, scene: Scene, upstream: int) -> str:
    steps = []
    for name, path, _ in _STEPS[-scene.steps :]:
        url = f"http://127.0.0.1:{upstream}{path}{scene.query}"
        step = {"name": name, "serviceUrl": url, "internalService": {"serviceName": name}}
        steps.append({**step, "data": "$response"} if steps else step)
    config = {"mode": mode, "endpoint": "/v1/chatqna"} if mode else {}
    nodes = {"root": {"routerType": "Sequence", "steps": steps}}
    document = {"spec": {"nodes": nodes, "routerConfig": {"name": "router", "config": config}}}
    return json.dumps(document)


@contextmanager
def _orchestrator(python: Path, scene: Scene, upstream: int, folder: Path) -> Iterator[Target]:
    port = _free_port()
    script = Path(__file__).with_name("orchestrator.py")
    command = [str(python), str(script), str(port), str(upstream), str(scene.steps), scene.query]
    with (
        (folder / "orchestrator.log").open("wb") as file,
        _process(command, core=_cores()[0], stdout=file, stderr=file) as process,
    ):
        _wait_for(port, process, folder / "orchestrator.log")
        yield Target("ServiceOrchestrator", (_question(port, scene),), psutil.Process(process.pid))


@contextmanager
def _gmcrouter(binary: Path, scene: Scene, upstream: int, folder: Path) -> Iterator[Target]:
    command = [str(binary), "--graph-json", _graph("", scene, upstream)]
    with (
        (folder / "gmcrouter.log").open("wb") as file,
        _process(command, core=_cores()[0], stdout=file, stderr=file) as process,
    ):
        _wait_for(GMC_PORT, process, folder / "gmcrouter.log")
        yield Target("gmcrouter", (_question(GMC_PORT, scene),), psutil.Process(process.pid))


def _question(port: int, scene: Scene) -> Call:
    messages = [{"role": "user", "content": QUESTION}]
    body = {"messages": messages, "stream": scene.stream, "max_tokens": 64}
    if scene.stream:  # pass-through lays the parameters over the body of each step
        body["parameters"] = {"stream": True}
    return prepared(port, "/v1/chatqna", json.dumps(body).encode())


def openai(target: Target) -> Target:
    """The same router, asked at its OpenAI route."""
    calls = tuple(
        Call(call.port, call.data.replace(b"/v1/chatqna", b"/v1/chat/completions")) for call in target.calls
    )
    return Target(f"{target.name}, OpenAI route", calls, target.process)


@contextmanager
def _process(command: list[str], core: int, **streams: object) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, preexec_fn=lambda: _pin(core), **streams)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _pin(core: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


_ALL_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def _cores() -> list[int]:
    return _ALL_CORES


def _logged_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        line, end, _ = log.read_text().partition("\n")
        if end:
            return int(json.loads(line)["port"])
        time.sleep(0.02)
    raise SystemExit(f"our router did not start: {log.read_text()}")


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120  # the first import of the orchestrator's packages takes long
    while time.monotonic() < deadline and process.poll() is None:
        if not _free(port):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args} did not start: {log.read_text()[-2000:]}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _comps() -> tuple[Path | None, str]:
    """The Python that has opea-comps, made once in the cache; or why there is none."""
    folder = cache() / "bench" / COMPS
    python = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", COMPS]
        result = subprocess.run(install, capture_output=True, text=True)
        if result.returncode:
            return None, f"pip can't install {COMPS}: {result.stderr.strip().splitlines()[-1]}"
        (folder / ".installed").touch()
    return python, ""
