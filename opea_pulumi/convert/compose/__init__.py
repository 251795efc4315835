"""Docker compose (Compose Specification)."""

from ._devices import AMD, HABANA, NVIDIA, partition
from ._networks import asked_port, published
from ._read import from_compose
from ._resources import number_of_bytes
from ._secrets import used_secrets
from ._write import Containers, containers_of, to_compose

__all__ = [
    "AMD",
    "HABANA",
    "NVIDIA",
    "Containers",
    "asked_port",
    "containers_of",
    "from_compose",
    "number_of_bytes",
    "partition",
    "published",
    "to_compose",
    "used_secrets",
]
