"""What each step is asked and what it answers (OPEA release 1.5 microservices, opea.md 6.3).

A contract builds a request from the conversation and reads the answer back into it. An answer of
the wrong shape is a ValueError, TypeError, KeyError or IndexError; the caller knows whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from opea_pulumi.flow import Contract

from ._conversation import Ask, Conversation
from ._data import TextToCypher, TextToQuery, TextToSql
from ._guard import Guard, PiiGuard
from ._llm import Llm
from ._pictures import ImageToImage, ImageToVideo, TextToImage
from ._search import Embedding, Reranking, Retrieval, RetrievalTool, WebRetriever
from ._sent import Received, Sent
from ._speech import Animation, Asr, Tts
from ._summary import Agent, ArbPostHearing, DocSum, FaqGen
from ._tools import LanguageDetection, PromptTemplate, Route
from ._vision import Lvm, MultimodalEmbedding, MultimodalRetrieval, VideoReranking


class StepContract(Protocol):
    """One kind of step."""

    def idle(self, talk: Conversation, /) -> bool:
        """Whether the step has nothing to do for this conversation, so that it is not asked."""

    def request(self, ask: Ask) -> Sent:
        """What to send. Raises RouterError for what only the client can mend."""

    def read(self, talk: Conversation, got: Received) -> Conversation:
        """The conversation after the step."""


STEP_CONTRACTS: Mapping[Contract, StepContract] = {
    Contract.EMBEDDING: Embedding(),
    Contract.RETRIEVAL: Retrieval(),
    Contract.RERANKING: Reranking(),
    Contract.LLM: Llm(),
    Contract.ASR: Asr(),
    Contract.TTS: Tts(),
    Contract.LVM: Lvm(),
    Contract.WEB_RETRIEVER: WebRetriever(),
    Contract.MULTIMODAL_EMBEDDING: MultimodalEmbedding(),
    Contract.MULTIMODAL_RETRIEVAL: MultimodalRetrieval(),
    Contract.VIDEO_RERANKING: VideoReranking(),
    Contract.TEXT2IMAGE: TextToImage(),
    Contract.IMAGE2IMAGE: ImageToImage(),
    Contract.IMAGE2VIDEO: ImageToVideo(),
    Contract.ANIMATION: Animation(),
    Contract.DOCSUM: DocSum(),
    Contract.FAQGEN: FaqGen(),
    Contract.ARB_POST_HEARING: ArbPostHearing(),
    Contract.AGENT: Agent(),
    Contract.RETRIEVAL_TOOL: RetrievalTool(),
    Contract.ROUTE: Route(),
    Contract.GUARDRAILS: Guard(),
    Contract.GUARDRAILS_BIAS: Guard(with_prompt=False),
    Contract.GUARDRAILS_TOXICITY: Guard(with_prompt=False),
    Contract.GUARDRAILS_PII: PiiGuard(),
    Contract.GUARDRAILS_INJECTION: Guard(with_prompt=False),
    Contract.TEXT2QUERY: TextToQuery(),
    Contract.TEXT2QUERY_CYPHER: TextToQuery(),
    Contract.TEXT2SQL: TextToSql(),
    Contract.TEXT2CYPHER: TextToCypher(),
    Contract.LANGUAGE_DETECTION: LanguageDetection(),
    Contract.PROMPT_TEMPLATE: PromptTemplate(),
}
"""The contracts the router can run; the rest only describe servers."""
