"""Whether this host would listen somewhere, as the engine must for a published port."""

from __future__ import annotations

import errno
import socket


def can_listen(address: str, port: int) -> bool:
    """Whether a server could listen at ``address``:``port`` now; port 0 asks for the address alone.

    A port that only root may have counts as free: the engine is root.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
            # a closed server's TIME_WAIT is no obstacle
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            probe.listen(1)
    except OSError as error:
        return error.errno == errno.EACCES
    return True
