"""The Docker engine that tests run on: the one that answers, else Debian's, started here.

`ensure()` takes the engine of `DOCKER_HOST` or of the default socket. Only with `OPEA_TEST_SETUP=1` and with
`docker` in `OPEA_TEST_REQUIRE`, as root on Linux, it installs Debian's `docker.io` and starts `dockerd` with
its data in the cache; that engine stays running (its pid is in `CACHE/docker/dockerd.pid`).
"""

import fcntl
import os
import platform
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import docker
import pytest
import requests
from docker.errors import DockerException

from opea_pulumi.home import cache

DEFAULT = "unix:///var/run/docker.sock"
PACKAGES = ("docker.io", "iptables", "debootstrap")
_START = 60.0
_DETACHED: list[subprocess.Popen[bytes]] = []  # kept, for a Popen that is forgotten warns of its process


class LackingError(Exception):
    """There is no engine, or no image, and none is to be made; the text says why."""


def ensure() -> str:
    """The address of an engine that answers. Raises LackingError."""
    given = os.environ.get("DOCKER_HOST")
    host = given or DEFAULT
    if not (reason := _silent(host)):
        return host
    if given:
        raise LackingError(f"the Docker engine at DOCKER_HOST={given} does not answer: {reason}")
    if not required():
        raise LackingError(f"no Docker engine answers at {host} ({reason}), and none is required")
    allowed(f"no Docker engine answers at {host} ({reason})")
    with one_at_a_time("docker"):
        if _silent(host):  # nobody else has started it meanwhile
            install(*PACKAGES)
            if _silent(host):  # the package may have started one, where there is an init system
                _start(host)
    return host


def client(host: str | None = None) -> docker.DockerClient:
    """A client of the engine; the caller closes it."""
    return docker.DockerClient(base_url=host or ensure(), version="auto", timeout=120)


def needs_runtime(engine: docker.DockerClient, name: str) -> None:
    """Return if the engine has a container runtime of that name, as one started here. Raises LackingError."""
    known = engine.info().get("Runtimes") or {}
    if name not in known:
        raise LackingError(f"the engine has no runtime {name} (dockerd --add-runtime {name}=$(which runc))")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody has."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]  # held until all are known
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def allowed(lack: str) -> None:
    """Return if the set-up may install and start things here. Raises LackingError with what lacks."""
    if os.environ.get("OPEA_TEST_SETUP") != "1":
        raise LackingError(f"{lack}; OPEA_TEST_SETUP=1 allows its installation")
    if platform.system() != "Linux" or os.geteuid() != 0:
        raise LackingError(f"{lack}, and only root on Linux can make one")
    if not shutil.which("apt-get"):
        raise LackingError(f"{lack}, and there is no apt-get to install Debian's")


def install(*packages: str) -> None:
    """Install Debian packages, without their recommendations. Raises LackingError."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
    if _run(command, environ).returncode == 0:
        return
    _run(["apt-get", "update", "--quiet"], environ)
    done = _run(command, environ)
    if done.returncode != 0:
        raise LackingError(f"{' '.join(command)} failed: {done.stdout[-2000:]}")


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Hold the machine's lock of that name."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f".{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )


def _silent(host: str) -> str:
    """Why nothing answers there; empty when an engine does."""
    if host.startswith("unix://") and (reason := _unconnected(host.removeprefix("unix://"))):
        return reason  # docker-py would leave its socket open
    try:
        api = docker.APIClient(base_url=host, version="auto", timeout=10)
    except (DockerException, requests.RequestException) as error:
        return str(error)
    try:
        return "" if api.ping() else "it answers no ping"
    except (DockerException, requests.RequestException) as error:
        return str(error)
    finally:
        api.close()


def _unconnected(path: str) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(10)
            probe.connect(path)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return ""


def _start(host: str) -> None:
    folder = cache() / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "dockerd.log"
    command = ["dockerd", "--data-root", str(folder / "data"), "--pidfile", str(folder / "dockerd.pid")]
    if runc := shutil.which("runc"):  # stands for the runtime of Gaudi cards: containers start, and see none
        command += ["--add-runtime", f"habana={runc}"]
    with log.open("wb") as sink:
        started = subprocess.Popen(
            [*command, "--host", host],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,  # it outlives the tests
            cwd="/",
        )
    _DETACHED.append(started)
    deadline = time.monotonic() + _START
    while _silent(host):
        if started.poll() is not None or time.monotonic() > deadline:
            raise LackingError(f"dockerd does not start: {_tail(log)}")
        time.sleep(0.2)


def _tail(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-5:])


def lacking(reason: str) -> NoReturn:
    """Skip the test, or fail it where `OPEA_TEST_REQUIRE` holds `docker`."""
    if required():
        pytest.fail(reason)
    pytest.skip(reason)


def required() -> bool:
    """Whether the tests may not do without an engine, and so start one where they may."""
    return "docker" in os.environ.get("OPEA_TEST_REQUIRE", "").split(",")
