"""Docker compose (Compose Specification)."""
