"""Where this machine's state and caches lie."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """The folder of states, stores and logs (``OPEA_HOME``, else the user's data directory)."""
    given = os.environ.get("OPEA_HOME")
    return Path(given).expanduser().absolute() if given else platformdirs.user_data_path("opea-pulumi")


def cache() -> Path:
    """The folder of what can be made again (``OPEA_CACHE``, else the user's cache directory)."""
    given = os.environ.get("OPEA_CACHE")
    return Path(given).expanduser().absolute() if given else platformdirs.user_cache_path("opea-pulumi")
