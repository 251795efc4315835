"""Where this machine's state and caches lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import platformdirs


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of states, stores and logs (``OPEA_HOME``, else the user's data directory)."""
    return _folder(environ.get("OPEA_HOME")) or platformdirs.user_data_path("opea-pulumi", appauthor=False)


def cache(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of what can be made again (``OPEA_CACHE``, else the user's cache directory)."""
    return _folder(environ.get("OPEA_CACHE")) or platformdirs.user_cache_path("opea-pulumi", appauthor=False)


def _folder(given: str | None) -> Path | None:
    return Path(os.path.abspath(Path(given).expanduser())) if given else None  # noqa: PTH100  links stay
