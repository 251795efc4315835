"""Commands in containers, and lines that containers log, without sockets that docker-py leaves open."""

import time

from docker.models.containers import Container
from docker.utils.socket import consume_socket_output, frames_iter


def run(container: Container, command: list[str] | str, *, user: str = "") -> tuple[int, str]:
    """Run a command in a container: its exit code, and what it wrote."""
    api = container.client.api
    made = api.exec_create(container.id, command, user=user)["Id"]
    socket = api.exec_start(made, socket=True)
    try:
        output = consume_socket_output((text for _, text in frames_iter(socket, tty=False)), demux=False)
    finally:
        socket._response.close()
        socket.close()
    return api.exec_inspect(made)["ExitCode"], (output or b"").decode(errors="replace")


def until_logged(container: Container, words: str, seconds: float = 30.0) -> str:
    """Wait until a container has logged something; its log."""
    deadline = time.monotonic() + seconds
    while words not in (log := container.logs().decode(errors="replace")):
        container.reload()
        ended = container.status not in ("created", "running", "restarting")
        assert not ended or words in container.logs().decode(errors="replace"), (
            f"{container.name} ended: {log}"
        )
        assert time.monotonic() < deadline, f"{container.name} has not logged {words!r}: {log}"
        time.sleep(0.05)
    return log
