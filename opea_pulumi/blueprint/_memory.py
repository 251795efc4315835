"""Placeholder until the estimate lands."""

from __future__ import annotations

from typing import Any

from ._model import Resources


def fit(known: Any, name: str, resources: Resources, **_: Any) -> Resources:
    """As asked."""
    return resources
