"""Every test of this folder has the marker `docker`, a real engine, and leaves the engine as clean as it was.

Without an engine the tests skip with the reason; `OPEA_TEST_REQUIRE=docker` makes that a failure.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import docker_engine
import docker_images
import docker_plugin
import pytest
from docker_sweep import Sweep
from opea_command import Command

from opea_pulumi import images
from opea_pulumi.engine import PINNED, Engine, Home, Stacks, install
from opea_pulumi.images import Base, build
from opea_pulumi.images._build import engine_platform

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker("docker")


@pytest.fixture(scope="session")
def engine_client() -> Iterator[docker.DockerClient]:
    """A client of a real engine."""
    try:
        made = docker_engine.client()
    except docker_engine.LackingError as error:
        docker_engine.lacking(str(error))
    with contextlib.closing(made):
        yield made


@pytest.fixture(scope="session")
def stand_in(engine_client: docker.DockerClient) -> Callable[..., str]:
    """Makes a stand-in under names; see `docker_images.stand_in`."""

    def make(*names: str, ports: tuple[int, ...] | None = None) -> str:
        try:
            return docker_images.stand_in(engine_client, *names, ports=ports)
        except docker_engine.LackingError as error:
            docker_engine.lacking(str(error))

    return make


@pytest.fixture
def sweep(engine_client: docker.DockerClient) -> Iterator[Sweep]:
    """What has the label `sweep.labels[0]`, or a name like `sweep.names[0]...`: removed at the end."""
    made = Sweep.new(engine_client)
    yield made
    made.remove()
    assert made.found() == []


@pytest.fixture(scope="session")
def plugin() -> Iterator[dict[str, str]]:
    """The environment in which the engine finds a plugin `docker`."""
    with docker_plugin.attached() as environment:
        yield environment


@pytest.fixture(scope="session")
def pulumi_engine() -> Engine:
    return install(Home.from_environment(), version=PINNED)


@pytest.fixture(scope="session")
def own_images(engine_client: docker.DockerClient) -> dict[str, str]:
    """Our images, built of this checkout, by their names."""
    base = Base(docker_images.base(engine_client), "3.11", engine_platform(engine_client))
    return {
        image.name: build(engine_client, image, base, print).references[0] for image in images.own_images()
    }


@pytest.fixture(scope="module")
def command(
    pulumi_engine: Engine,
    plugin: dict[str, str],
    engine_client: docker.DockerClient,
    own_images: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Command]:
    """The command with the plugin; whatever its stacks leave on the engine is removed."""
    folder = tmp_path_factory.mktemp("docker")
    token = f"opea-test-{secrets.token_hex(4)}"
    yield Command(folder / "home", folder, {**plugin, "OPEA_TEST_TOKEN": token})
    made = Sweep(engine_client, labels=[f"opea.stack={token}{suffix}" for suffix in ("", "-a", "-b")])
    made.remove()
    assert made.found() == []


@pytest.fixture
def stacks(
    pulumi_engine: Engine, plugin: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stacks:
    """Stacks in a home of their own, with the plugin."""
    return _stacks(pulumi_engine, plugin, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def module_stacks(
    pulumi_engine: Engine, plugin: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stacks]:
    """As `stacks`, for all tests of a module."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield _stacks(pulumi_engine, plugin, tmp_path_factory.mktemp("stacks"), monkeypatch)


def _stacks(engine: Engine, plugin: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        if not docker_plugin.vendor() or name != "PULUMI_HOME":
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPEA_HOME", str(folder / "home"))
    if not docker_plugin.vendor():
        monkeypatch.setenv("PULUMI_HOME", str(folder / "pulumi"))
    for name, value in plugin.items():
        monkeypatch.setenv(name, value)
    return Stacks(engine, Home.from_environment(), report=lambda _line: None)
