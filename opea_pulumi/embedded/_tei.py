"""What the services share of text-embeddings-inference's (TEI's) HTTP interface.

Source of the shapes: TEI 1.7's ``/docs`` (``Info``, ``EmbedRequest``, ``RerankRequest``).
"""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from opea_pulumi.errors import OperationError

__all__ = ["MAX_BATCH", "check_batch", "info"]

MAX_BATCH = 1024
"""Texts taken in one request; TEI's own default is 32, a client reads it from ``/info``."""


def info(model_id: str, model_type: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``GET /info``."""
    return {
        "model_id": model_id,
        "model_sha": None,
        "model_dtype": "float32",
        "model_type": model_type,
        "max_concurrent_requests": 512,
        "max_input_length": 32768,
        "max_batch_tokens": 16384,
        "max_batch_requests": None,
        "max_client_batch_size": MAX_BATCH,
        "auto_truncate": False,
        "tokenization_workers": 1,
        "version": "1.7.0",
        "sha": None,
        "docker_label": None,
    }


def check_batch(texts: Sized) -> None:
    """Raise OperationError for an empty batch (``bad-input``) or one that is too large (``too-large``)."""
    if not len(texts):
        raise OperationError("no texts were given", code="bad-input")
    if len(texts) > MAX_BATCH:
        raise OperationError(f"{len(texts)} texts are more than {MAX_BATCH} in one request", code="too-large")
