"""Fetches the pages of ``link_list``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx

from opea_pulumi.errors import OperationError

__all__ = ["MAX_PAGE", "Page", "fetch"]

MAX_PAGE = 16 * 2**20
"""Bytes of one page at most."""
MAX_SECONDS = 30.0
MAX_REDIRECTS = 5

KINDS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}


@dataclass(frozen=True)
class Page:
    """What a link led to; ``kind`` is empty when the server's content type says nothing useful."""

    url: str
    content: bytes
    kind: str


async def fetch(url: str) -> Page:
    """Get a page over http or https within 30 seconds and 16 MiB.

    Raises OperationError ``bad-link`` when the link is none or can't be fetched, ``too-large``.
    """
    try:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise httpx.UnsupportedProtocol("only http and https links can be ingested")
        async with asyncio.timeout(MAX_SECONDS):
            return await _get(url)
    except TimeoutError as error:
        raise _bad(url, f"no complete answer within {MAX_SECONDS:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _bad(url, str(error) or type(error).__name__) from error


async def _get(url: str) -> Page:
    headers = {"User-Agent": "opea-pulumi dataprep", "Accept": "text/html, text/plain, */*;q=0.5"}
    client = httpx.AsyncClient(follow_redirects=True, max_redirects=MAX_REDIRECTS, headers=headers)
    async with client, client.stream("GET", url) as response:
        if response.status_code != 200:
            raise _bad(url, f"the server answered {response.status_code}")
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > MAX_PAGE:
                raise OperationError(f"link {url} is larger than {MAX_PAGE} bytes", code="too-large")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Page(url, bytes(content), KINDS.get(kind, ""))


def _bad(url: str, why: str) -> OperationError:
    return OperationError(f"link {url[:500]} can't be ingested: {why}", code="bad-link")
