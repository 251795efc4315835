"""What the agents can ask: each other, and the retrieval tool."""

import os
from typing import Any

import requests

TIMEOUT = 300
"""Seconds; a worker may think for minutes."""


def _post(variable: str, body: dict[str, Any]) -> Any:
    answer = requests.post(os.environ[variable], json=body, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def _worker(variable: str, query: str) -> str:
    answer = _post(variable, {"role": "user", "messages": query, "stream": False})
    return str(answer.get("text", ""))


def ask_documents(query: str) -> str:
    """Ask the worker that knows the documents."""
    return _worker("WORKER_AGENT_URL", query)


def ask_database(query: str) -> str:
    """Ask the worker that knows the database."""
    return _worker("SQL_AGENT_URL", query)


def search_documents(query: str) -> str:
    """Find the passages of the documents that fit best."""
    answer = _post("RETRIEVAL_TOOL_URL", {"messages": query})
    passages = answer.get("reranked_docs") or answer.get("retrieved_docs") or []
    texts = [passage["text"] for passage in passages] or answer.get("documents", [])
    return "\n".join(texts)
