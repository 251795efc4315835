"""What the agents can ask: each other, the filings, the market."""

import datetime
import os
from typing import Any

import requests

TIMEOUT = 300
"""Seconds; a worker may think for minutes."""

FINNHUB = "https://finnhub.io/api/v1"


def _post(variable: str, body: dict[str, Any]) -> Any:
    answer = requests.post(os.environ[variable], json=body, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def _worker(variable: str, query: str) -> str:
    answer = _post(variable, {"role": "user", "messages": query, "stream": False})
    return str(answer.get("text", ""))


def _finnhub(path: str, **parameters: str) -> Any:
    key = {"X-Finnhub-Token": os.environ.get("FINNHUB_API_KEY", "")}
    answer = requests.get(f"{FINNHUB}/{path}", params=parameters, headers=key, timeout=30)
    answer.raise_for_status()
    return answer.json()


def ask_filings(query: str) -> str:
    """Ask the worker that knows the filings."""
    return _worker("WORKER_FINQA_AGENT_URL", query)


def ask_market(query: str) -> str:
    """Ask the worker that knows news and prices."""
    return _worker("WORKER_RESEARCH_AGENT_URL", query)


def summarize(text: str) -> str:
    """Summarize a long text."""
    answer = _post("DOCSUM_ENDPOINT", {"messages": text, "stream": False, "summary_type": "auto"})
    return str(answer.get("text", ""))


def search_filings(query: str) -> str:
    """Find the passages of the filings that fit best."""
    answer = _post("RETRIEVAL_TOOL_URL", {"messages": query})
    passages = answer.get("reranked_docs") or answer.get("retrieved_docs") or []
    texts = [passage["text"] for passage in passages] or answer.get("documents", [])
    return "\n".join(texts)


def company_news(symbol: str, days: int) -> str:
    """Headlines about a company of the last days."""
    today = datetime.datetime.now(datetime.UTC).date()
    since = today - datetime.timedelta(days=days)
    news = _finnhub("company-news", symbol=symbol, **{"from": str(since), "to": str(today)})
    return "\n".join(f"{item['headline']}: {item['summary']}" for item in news[:20])


def share_price(symbol: str) -> str:
    """The current price of a share, and that of the day before."""
    quote = _finnhub("quote", symbol=symbol)
    return f"now {quote['c']}, day before {quote['pc']}"
