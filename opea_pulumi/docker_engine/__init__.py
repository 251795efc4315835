"""The Docker engine that is meant, and the connection to it: the same one that ``docker`` itself would ask.

Importing this needs no Docker package; :func:`connect` does (extra ``docker``).
"""

from ._address import Address, config_folder, engine_address, plugin_environment
from ._connect import connect, refused
from ._containers import containers_by_name
from ._listen import can_listen

__all__ = [
    "Address",
    "can_listen",
    "config_folder",
    "connect",
    "containers_by_name",
    "engine_address",
    "plugin_environment",
    "refused",
]
