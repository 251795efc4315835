"""Names of the data contracts between steps (OPEA release 1.5 microservice types)."""

from __future__ import annotations

from enum import StrEnum


class Contract(StrEnum):
    """What a step's service accepts and answers; the value is the canonical microservice type."""

    EMBEDDING = "embedding"
    RETRIEVAL = "retrieval"
    RERANKING = "reranking"
    LLM = "llm"
    DATAPREP = "dataprep"
    UI = "ui"


CONTRACTS: tuple[str, ...] = tuple(contract.value for contract in Contract)
"""Every contract name, in the order of the pipeline."""
