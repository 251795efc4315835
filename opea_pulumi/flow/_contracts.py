"""Names of the data contracts between steps (OPEA release 1.5 microservice types)."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit

from ._model import Flow, Step


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

_ALIASES = {"retriever": Contract.RETRIEVAL, "rerank": Contract.RERANKING, "reranker": Contract.RERANKING}

# the endpoints of OPEA's own microservices (GenAIComps 1.5); a service is known by them under any name
_ENDPOINTS = {
    "/v1/embeddings": Contract.EMBEDDING,
    "/v1/retrieval": Contract.RETRIEVAL,
    "/v1/reranking": Contract.RERANKING,
    "/v1/chat/completions": Contract.LLM,
}


def contract_named(name: str) -> Contract | None:
    """The contract with this name or alias (``retriever``, ``Rerank``); None when there is none."""
    word = name.lower()
    return Contract(word) if word in CONTRACTS else _ALIASES.get(word)


def contract_of(flow: Flow, step: Step) -> Contract | None:
    """The contract of a step: ``type.<step>``, else by its name, else by its URL's path.

    None when nothing tells. A trailing number of the name (``llm-2``) does not matter.
    """
    given = flow.types.get(step.name)
    if given is not None:
        return contract_named(given)
    path = urlsplit(step.url).path
    by_path = (contract for end, contract in _ENDPOINTS.items() if path.endswith(end))
    return contract_named(re.sub(r"[-_]?\d+$", "", step.name)) or next(by_path, None)
