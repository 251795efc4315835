"""Docker compose (Compose Specification)."""

from ._devices import HOST_GROUP, by_need, partition
from ._networks import asked_port, published
from ._read import from_compose
from ._resources import number_of_bytes
from ._secrets import used_secrets
from ._write import Containers, containers_of, to_compose

__all__ = [
    "HOST_GROUP",
    "Containers",
    "asked_port",
    "by_need",
    "containers_of",
    "from_compose",
    "number_of_bytes",
    "partition",
    "published",
    "to_compose",
    "used_secrets",
]
