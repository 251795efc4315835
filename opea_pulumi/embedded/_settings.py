"""Settings of the services that use the store, read from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from opea_pulumi.errors import OperationError

__all__ = ["DEFAULT_INDEX", "StoreSettings"]

DEFAULT_INDEX = "rag-embedded"


@dataclass(frozen=True)
class StoreSettings:
    """``folder`` holds one file per index; ``max_bytes`` bounds each file (None: the disk does)."""

    folder: str
    index: str = DEFAULT_INDEX
    max_bytes: int | None = None

    @classmethod
    def from_environment(cls) -> StoreSettings:
        """VECTOR_STORE_PATH, INDEX_NAME and VECTOR_STORE_MAX_BYTES.

        Raises OperationError ``bad-setting`` when the folder is not given or the limit is no number.
        """
        folder = os.environ.get("VECTOR_STORE_PATH", "")
        limit = os.environ.get("VECTOR_STORE_MAX_BYTES", "")
        if not folder:
            raise OperationError(
                "VECTOR_STORE_PATH is not set", code="bad-setting", hint="a folder for the store"
            )
        if limit and not limit.isdecimal():
            raise OperationError("VECTOR_STORE_MAX_BYTES must be a number of bytes", code="bad-setting")
        index = os.environ.get("INDEX_NAME") or DEFAULT_INDEX
        return cls(folder, index, int(limit) if limit else None)
