"""A TCP port that leads to a socket of this machine: to its clients, an engine there is elsewhere."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def listening(path: str) -> Iterator[str]:
    """The address (``tcp://127.0.0.1:PORT``) at which the socket at ``path`` is reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, path), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # wakes the thread


def _accept(server: socket.socket, path: str) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            threading.Thread(target=_serve, args=(client, path), daemon=True).start()


def _serve(client: socket.socket, path: str) -> None:
    with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
        engine.connect(path)
        back = threading.Thread(target=_copy, args=(engine, client), daemon=True)
        back.start()
        _copy(client, engine)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until one side ends; a half-closed connection stays half-closed, as `docker exec` needs it."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
