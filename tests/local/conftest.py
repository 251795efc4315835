"""Deployed applications for the tests of the local target."""

from collections.abc import Callable, Iterator

import pytest
from opea_command import Command, destroy_all, write_app


@pytest.fixture(scope="session", autouse=True)
def _engine() -> None:
    """Have the engine before the first test, which would otherwise run into its own time limit."""
    from opea_pulumi.engine import obtain

    obtain(report=print)


@pytest.fixture(scope="session")
def make_command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Command]]:
    made: list[Command] = []

    def make(name: str) -> Command:
        folder = tmp_path_factory.mktemp(name)
        command = Command(folder / "home", folder)
        made.append(command)
        return command

    yield make
    for command in made:
        for process in command.processes():
            process.kill()


@pytest.fixture
def command(make_command: Callable[..., Command]) -> Iterator[Command]:
    """A command with an empty home; what a test leaves running is destroyed with the real command."""
    command = make_command("app")
    yield command
    destroy_all(command)


@pytest.fixture(scope="module")
def running(make_command: Callable[..., Command]) -> Iterator[Command]:
    """A command with one deployed application, `handbook`, that holds handbook.md."""
    command = make_command("running")
    app = write_app(command.cwd)
    command("up", str(app))
    command("ingest", str(app / "handbook.md"))
    yield command
    destroy_all(command)
