"""Small real services for the local target: embedding, dataprep, retriever, reranking and llm.

Each speaks the HTTP schemas of its OPEA 1.5 counterpart (reference/opea.md 1.1 and 6.3), so a
client of OPEA's services works unchanged. They need neither a container, a GPU nor a network:
the embedding model is wordllama, the vector store is SQLite with sqlite-vec, and the llm quotes
sentences from the documents unless ``LLM_ENDPOINT`` names an OpenAI-compatible server.

Run one with ``python -m opea_pulumi.embedded NAME`` or ``python -m opea_pulumi.embedded.NAME``.
Importing this package imports none of them.
"""

from __future__ import annotations

__all__ = ["SERVICES"]

SERVICES: dict[str, int] = {
    "embedding": 6000,
    "retriever": 7000,
    "dataprep": 5000,
    "reranking": 8000,
    "llm": 9000,
}
"""Name of each service -> its default port, which is OPEA's."""
