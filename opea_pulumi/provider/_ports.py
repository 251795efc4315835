"""TCP ports of this machine: free or not, who listens on them, and which process gets which."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from opea_pulumi.provider._groups import MARKER, marker_urn

_NEXT_TRIED = 200


@dataclass(frozen=True)
class Holder:
    """Who listens on a port: ``pid`` and ``name`` if the system tells, ``urn`` if it is one of ours."""

    pid: int | None = None
    name: str = ""
    urn: str = ""

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        owner = f", {self.urn}" if self.urn else ""
        return f"{self.name or 'a process'} (pid {self.pid}{owner})"


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:``port`` now."""
    with socket.socket() as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # a closed server's TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def holder(port: int) -> Holder | None:
    """The process that listens on ``port``, or ``None`` when the port is free."""
    return None if is_free(port) else listener_at(port, "127.0.0.1")


def listener_at(port: int, address: str) -> Holder:
    """The process that listens on ``port`` at an address, or else at another one."""
    for pid in _listeners(port, address):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            name, urn = process.name(), ""
            with contextlib.suppress(psutil.Error):
                urn = marker_urn(process.environ().get(MARKER, ""))
            return Holder(pid, name, urn)
    return Holder()


def _listeners(port: int, address: str) -> list[int]:
    """Pids that listen on ``port``, those at ``address`` first; where the system does not list them to this
    user, each is asked.
    """
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS without root
        return [pid for pid in psutil.pids() if any(found == port for _, found in listening([pid]))]
    found = [
        (s.laddr.ip != address, s.pid)
        for s in sockets
        if s.pid and s.status == psutil.CONN_LISTEN and s.laddr and s.laddr.port == port
    ]
    return [pid for _, pid in sorted(found)]


def listening(pids: Iterable[int]) -> list[tuple[str, int]]:
    """The addresses and ports on which the processes listen; processes that are gone have none."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            sockets = psutil.Process(pid).net_connections("tcp")
            found += [
                (s.laddr.ip, s.laddr.port) for s in sockets if s.status == psutil.CONN_LISTEN and s.laddr
            ]
    return found


def is_loopback(address: str) -> bool:
    """Whether an address can be reached from this machine only."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


class Reservations:
    """Ports that checks of this plugin have promised, by URN; two parallel checks never promise one twice.

    A port that was not asked for is claimed on the machine, too, as long as this plugin runs: another
    stack's plugin that looks for one at the same time passes over it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ports: dict[str, int] = {}
        self._claims: dict[str, Claim] = {}

    def fixed(self, urn: str, port: int) -> str | None:
        """Promise ``port`` to ``urn``; returns the URN that has it already, if any."""
        with self._lock:
            other = next((name for name, taken in self._ports.items() if taken == port and name != urn), None)
            if other is None:
                self._ports[urn] = port
            return other

    def choose(self, urn: str, wanted: Iterable[int], preferred: int | None) -> int:
        """Promise a port: one of ``wanted`` as it is, else ``preferred`` or the next free one, else any.

        A port promised to ``urn`` before is kept: the engine checks a replacement again, as if it were new.
        """
        with self._lock:
            taken = {port for name, port in self._ports.items() if name != urn}
            again = [port] if (port := self._ports.get(urn)) and _usable(port, urn, preferred) else []
            port = next((port for port in (*wanted, *again) if port not in taken), None)
            if port is None:
                port = self._claim(urn, preferred, taken)
            self._ports[urn] = port
            return port

    def _claim(self, urn: str, preferred: int | None, taken: set[int]) -> int:
        self._unclaim(urn)
        for port in _candidates(preferred):
            claim = Claim(port) if port not in taken else None
            if claim is None or not claim.held:
                continue
            if is_free(port):
                self._claims[urn] = claim
                return port
            claim.end()
        raise AssertionError("candidates never end")

    def release(self, urn: str) -> None:
        """Forget the promise made to ``urn``."""
        with self._lock:
            self._ports.pop(urn, None)
            self._unclaim(urn)

    def _unclaim(self, urn: str) -> None:
        if claim := self._claims.pop(urn, None):
            claim.end()


def _usable(port: int, urn: str, preferred: int | None) -> bool:
    """Whether ``urn`` could have ``port`` under its present preference: it is free, or its own."""
    if preferred is not None and not preferred <= port < preferred + _NEXT_TRIED:
        return False
    found = holder(port)
    return found is None or found.urn == urn


def _candidates(preferred: int | None) -> Iterator[int]:
    """The preferred port and the ones after it, then whatever the system gives, without end."""
    if preferred is not None:
        yield from range(preferred, min(preferred + _NEXT_TRIED, 65536))
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        yield port


class Claim:
    """A lock on a port's number among this user's plugins; the system ends it with the plugin.

    ``held`` is false when another plugin has it. Where no lock can be made, every claim is held:
    then only two updates in the same second could meet at one port.
    """

    def __init__(self, port: int) -> None:
        self.held = True
        self._file: int | None = None
        with contextlib.suppress(OSError):
            folder = Path(tempfile.gettempdir(), f"opea-pulumi-{os.getuid()}")
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_uid == os.getuid():
                self._file = os.open(folder / f"port-{port}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        if self._file is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.held = False
                self.end()

    def end(self) -> None:
        """Let others have the port's number."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
