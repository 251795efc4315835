"""Names of the data contracts between steps (OPEA release 1.5 microservice types)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit

from ._model import Flow, Step


class Contract(StrEnum):
    """What a step's service accepts and answers; the value is the canonical microservice type."""

    EMBEDDING = "embedding"
    RETRIEVAL = "retrieval"
    RERANKING = "reranking"
    LLM = "llm"
    ASR = "asr"
    TTS = "tts"
    LVM = "lvm"
    WEB_RETRIEVER = "web-retriever"
    MULTIMODAL_EMBEDDING = "multimodal-embedding"
    MULTIMODAL_RETRIEVAL = "multimodal-retrieval"
    VIDEO_RERANKING = "video-reranking"
    TEXT2IMAGE = "text2image"
    IMAGE2IMAGE = "image2image"
    IMAGE2VIDEO = "image2video"
    ANIMATION = "animation"
    DOCSUM = "docsum"
    FAQGEN = "faqgen"
    ARB_POST_HEARING = "arb-post-hearing"
    AGENT = "agent"
    RETRIEVAL_TOOL = "retrieval-tool"
    ROUTE = "route"
    GUARDRAILS = "guardrails"
    GUARDRAILS_BIAS = "guardrails-bias"
    GUARDRAILS_TOXICITY = "guardrails-toxicity"
    GUARDRAILS_PII = "guardrails-pii"
    GUARDRAILS_INJECTION = "guardrails-injection"
    TEXT2QUERY = "text2query"
    TEXT2QUERY_CYPHER = "text2query-cypher"
    TEXT2SQL = "text2sql"
    TEXT2CYPHER = "text2cypher"
    LANGUAGE_DETECTION = "language-detection"
    PROMPT_TEMPLATE = "prompt-template"
    DATAPREP = "dataprep"
    UI = "ui"


CONTRACTS: tuple[str, ...] = tuple(contract.value for contract in Contract)
"""Every contract name, in the order of the pipeline."""

# other names of a type; those of `application` (a test compares them)
_ALIASES = {
    "embed": Contract.EMBEDDING,
    "embeddings": Contract.EMBEDDING,
    "retriever": Contract.RETRIEVAL,
    "rerank": Contract.RERANKING,
    "reranker": Contract.RERANKING,
    "web_retriever": Contract.WEB_RETRIEVER,
    "webretriever": Contract.WEB_RETRIEVER,
    "web-retrieval": Contract.WEB_RETRIEVER,
    "multimodal_embedding": Contract.MULTIMODAL_EMBEDDING,
    "mm-embedding": Contract.MULTIMODAL_EMBEDDING,
    "multimodal-retriever": Contract.MULTIMODAL_RETRIEVAL,
    "mm-retriever": Contract.MULTIMODAL_RETRIEVAL,
    "video-reranker": Contract.VIDEO_RERANKING,
    "video-rerank": Contract.VIDEO_RERANKING,
    "txt2img": Contract.TEXT2IMAGE,
    "img2img": Contract.IMAGE2IMAGE,
    "img2vid": Contract.IMAGE2VIDEO,
    "llm-docsum": Contract.DOCSUM,
    "llm-faqgen": Contract.FAQGEN,
    "arb-post-hearing-assistant": Contract.ARB_POST_HEARING,
    "doc-index-retriever": Contract.RETRIEVAL_TOOL,
    "opea-router": Contract.ROUTE,
    "guardrail": Contract.GUARDRAILS,
    "bias-detection": Contract.GUARDRAILS_BIAS,
    "toxicity-detection": Contract.GUARDRAILS_TOXICITY,
    "pii-detection": Contract.GUARDRAILS_PII,
    "prompt-injection": Contract.GUARDRAILS_INJECTION,
    "text2query-sql": Contract.TEXT2QUERY,
    "language_detection": Contract.LANGUAGE_DETECTION,
    "prompt_template": Contract.PROMPT_TEMPLATE,
    "data-prep": Contract.DATAPREP,
    "data_prep": Contract.DATAPREP,
}

# the endpoints of OPEA's own microservices and speech servers (GenAIComps 1.5); a service is known by them
# under any name. Endpoints that several types share mean the plainest of them.
_ENDPOINTS = {
    "/v1/embeddings": Contract.EMBEDDING,
    "/v1/retrieval": Contract.RETRIEVAL,
    "/v1/reranking": Contract.RERANKING,
    "/v1/chat/completions": Contract.LLM,
    "/v1/asr": Contract.ASR,
    "/v1/audio/transcriptions": Contract.ASR,
    "/v1/tts": Contract.TTS,
    "/v1/audio/speech": Contract.TTS,
    "/v1/lvm": Contract.LVM,
    "/v1/web_retrieval": Contract.WEB_RETRIEVER,
    "/v1/text2image": Contract.TEXT2IMAGE,
    "/v1/image2image": Contract.IMAGE2IMAGE,
    "/v1/image2video": Contract.IMAGE2VIDEO,
    "/v1/animation": Contract.ANIMATION,
    "/v1/docsum": Contract.DOCSUM,
    "/v1/faqgen": Contract.FAQGEN,
    "/v1/arb-post-hearing": Contract.ARB_POST_HEARING,
    "/v1/retrievaltool": Contract.RETRIEVAL_TOOL,
    "/v1/route": Contract.ROUTE,
    "/v1/guardrails": Contract.GUARDRAILS,
    "/v1/bias": Contract.GUARDRAILS_BIAS,
    "/v1/toxicity": Contract.GUARDRAILS_TOXICITY,
    "/v1/pii": Contract.GUARDRAILS_PII,
    "/v1/injection": Contract.GUARDRAILS_INJECTION,
    "/v1/text2query": Contract.TEXT2QUERY,
    "/v1/text2sql": Contract.TEXT2SQL,
    "/v1/text2cypher": Contract.TEXT2CYPHER,
    "/v1/language_detection": Contract.LANGUAGE_DETECTION,
    "/v1/prompt_template": Contract.PROMPT_TEMPLATE,
    "/v1/dataprep/ingest": Contract.DATAPREP,
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
    return _told_by(step.name, step.url)


def contract_at(url: str) -> Contract | None:
    """The contract of the microservice at an address; None for others, such as model servers."""
    path = urlsplit(url).path
    return next((contract for end, contract in _ENDPOINTS.items() if path.endswith(end)), None)


@lru_cache(maxsize=1024)
def _told_by(name: str, url: str) -> Contract | None:
    return contract_named(re.sub(r"[-_]?\d+$", "", name)) or contract_at(url)
