"""Docker compose (Compose Specification)."""

from ._read import from_compose
from ._write import to_compose

__all__ = ["from_compose", "to_compose"]
