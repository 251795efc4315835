"""What tests ask about processes that are nobody's children here."""

import time

import psutil


def gone(pid: int) -> bool:
    """Whether a process has ended; one that its new parent has not reaped yet has, too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until_gone(pid: int, seconds: float) -> None:
    """Wait for a process to end; it must within so many seconds."""
    deadline = time.monotonic() + seconds
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.05)
