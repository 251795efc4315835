"""OPEA's request and response schemas, as pydantic models.

Names, fields and defaults follow comps 1.5 (``comps/cores/proto``; reference/opea.md 6.3). Fields
that only matter to other services pass through unchanged: the chat request keeps what it doesn't know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ChatCompletionRequest",
    "EmbedDoc",
    "EmbeddingRequest",
    "EmbeddingResponse",
    "EmbeddingResponseData",
    "LLMParamsDoc",
    "RerankedText",
    "RerankingRequest",
    "RerankingResponse",
    "RetrievalRequest",
    "RetrievalResponse",
    "RetrievedText",
    "SearchParams",
    "SearchedDoc",
    "TextDoc",
    "UsageInfo",
    "content_text",
]

Vector = Annotated[list[float], Field(min_length=1, max_length=8192)]


class TextDoc(BaseModel):
    """A text; ``id`` names the passage when it came from a store."""

    id: str | None = None
    text: str | list[str]


class UsageInfo(BaseModel):
    """Tokens of one request, counted with the service's own tokenizer."""

    prompt_tokens: int = 0
    total_tokens: int = 0
    completion_tokens: int = 0


class EmbeddingRequest(BaseModel):
    """OpenAI's embeddings request."""

    input: str | list[str] | list[int] | list[list[int]]
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None
    user: str | None = None
    request_type: Literal["embedding"] = "embedding"


class EmbeddingResponseData(BaseModel):
    """One vector; a string is base64 of little-endian float32."""

    index: int
    object: str = "embedding"
    embedding: list[float] | str


class EmbeddingResponse(BaseModel):
    """OpenAI's embeddings response."""

    object: str = "list"
    model: str | None = None
    data: list[EmbeddingResponseData]
    usage: UsageInfo | None = None


class SearchParams(BaseModel):
    """How to search: the fields that three OPEA request types share."""

    search_type: Literal[
        "similarity", "similarity_distance_threshold", "similarity_score_threshold", "mmr"
    ] = "similarity"
    k: int = Field(4, ge=1, le=1000)
    distance_threshold: float | None = None
    fetch_k: int = Field(20, ge=1, le=1000)
    lambda_mult: float = Field(0.5, ge=0, le=1)
    score_threshold: float = 0.2
    index_name: str | None = None


class EmbedDoc(SearchParams):
    """A text (or several) with its vector, and how to search for it."""

    id: str | None = None
    text: str | list[str]
    embedding: Vector | list[Vector]


class RetrievalRequest(SearchParams):
    """OpenAI-like retrieval request."""

    embedding: EmbeddingResponse | Vector
    input: str | None = None
    request_type: Literal["retrieval"] = "retrieval"


class RetrievedText(BaseModel):
    """A passage that was found, and where it comes from."""

    text: str
    metadata: dict[str, Any] | None = None


class RetrievalResponse(BaseModel):
    """Answer to a RetrievalRequest."""

    retrieved_docs: list[RetrievedText]


class SearchedDoc(BaseModel):
    """Passages for a query; ``metadata`` is parallel to ``retrieved_docs``."""

    id: str | None = None
    retrieved_docs: list[TextDoc]
    initial_query: str
    top_n: int = Field(1, ge=1)
    metadata: list[dict[str, Any]] | None = None


class RerankingRequest(BaseModel):
    """OpenAI-like reranking request."""

    input: str
    retrieved_docs: list[RetrievedText] | list[str]
    top_n: int = Field(1, ge=1)
    request_type: Literal["reranking"] = "reranking"


class RerankedText(BaseModel):
    """A passage with its relevance, 0 to 1."""

    text: str
    score: float | None = 0.0


class RerankingResponse(BaseModel):
    """Answer to a RerankingRequest, best passage first."""

    reranked_docs: list[RerankedText]


class LLMParamsDoc(BaseModel):
    """A query with its documents and the parameters for the llm."""

    model_config = ConfigDict(extra="allow")

    id: str | None = None
    model: str | None = None
    query: str
    documents: list[str] = []
    max_tokens: int = 1024
    max_new_tokens: int = 1024
    top_k: int = 10
    top_p: float = 0.95
    typical_p: float = 0.95
    temperature: float = 0.01
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.03
    stream: bool = True
    chat_template: str | None = None


class ChatCompletionRequest(SearchParams):
    """OpenAI's chat request, which OPEA carries along the whole retrieval path."""

    model_config = ConfigDict(extra="allow")

    messages: str | list[dict[str, Any]]
    model: str | None = None
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None
    max_tokens: int | None = None
    documents: list[dict[str, Any]] | list[str] | None = None
    chat_template: str | None = None
    input: str | list[str] | None = None
    embedding: EmbeddingResponse | list[float] | None = None
    retrieved_docs: list[RetrievedText] = []
    top_n: int = Field(1, ge=1)
    reranked_docs: list[RerankedText] = []

    def query(self) -> str:
        """``input`` when given, else the text of the last message of the user."""
        if isinstance(self.input, str):
            return self.input
        if isinstance(self.messages, str):
            return self.messages
        asked = [message for message in self.messages if message.get("role") == "user"]
        return content_text(asked[-1].get("content")) if asked else ""


def content_text(content: Any) -> str:
    """The text of an OpenAI message's content, which is a string or a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
