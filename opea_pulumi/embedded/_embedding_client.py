"""Client of an embedding service that speaks TEI's interface: ours, or TEI itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np

from opea_pulumi.embedded._wordllama import Vectors
from opea_pulumi.errors import OperationError

__all__ = ["EmbeddingClient"]


class EmbeddingClient:
    """Asks ``/info`` for the model and ``/embed`` for vectors.

    Its methods raise OperationError ``embedding-unavailable`` when there is no proper answer.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        # No proxy from the environment: the service belongs to the application.
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)

    async def model(self) -> tuple[str, int]:
        """Id of the model, and how many texts a request may hold."""
        info = await self._ask("GET", "/info")
        try:
            return str(info["model_id"]), int(info.get("max_client_batch_size") or 32)
        except (TypeError, KeyError, ValueError) as error:
            raise self._unavailable("/info", "the answer names no model_id") from error

    async def embed(self, texts: Sequence[str], batch: int) -> Vectors:
        """One row of float32 a text, asked for ``batch`` texts at a time."""
        rows: list[list[float]] = []
        for start in range(0, len(texts), batch):
            part = list(texts[start : start + batch])
            rows += await self._ask("POST", "/embed", {"inputs": part, "truncate": True})
        try:
            vectors = np.asarray(rows, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise self._unavailable("/embed", "the answer is no list of vectors") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise self._unavailable("/embed", f"{len(rows)} vectors for {len(texts)} texts")
        return vectors

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            response = await self._http.request(method, self.base_url + path, json=body)
            response.raise_for_status()
            return response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise self._unavailable(path, str(error) or type(error).__name__) from error

    def _unavailable(self, path: str, why: str) -> OperationError:
        return OperationError(
            f"the embedding service at {self.base_url}{path} doesn't answer as it should: {why}",
            code="embedding-unavailable",
            hint="see TEI_EMBEDDING_ENDPOINT",
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()
