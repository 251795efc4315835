"""Docker compose (Compose Specification)."""

from ._write import to_compose

__all__ = ["to_compose"]
