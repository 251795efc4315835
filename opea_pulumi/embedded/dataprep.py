"""Dataprep service: OPEA's ``/v1/dataprep/ingest``, ``/get``, ``/delete`` and ``/indices``.

One difference from OPEA: some of its versions answer 409 or 400 for a file name that is already
there. Here the new content replaces the old in one step, and the same content again changes nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import Body, FastAPI, File, Form, UploadFile

from opea_pulumi.embedded._embedding_client import EmbeddingClient
from opea_pulumi.embedded._ingest import Cutting, Source, ingest
from opea_pulumi.embedded._links import fetch
from opea_pulumi.embedded._service import create_app, run
from opea_pulumi.embedded._settings import StoreSettings
from opea_pulumi.embedded._store import VectorStore
from opea_pulumi.errors import OperationError

__all__ = ["main", "make_app"]

MAX_REQUEST = 256 * 2**20
MAX_FILE = 64 * 2**20
MAX_LINKS = 50
DEFAULT_EMBEDDING = "http://127.0.0.1:6000"


def make_app(settings: StoreSettings | None = None, embedding_url: str | None = None) -> FastAPI:
    """The service over a folder of indices (defaults: the environment, TEI_EMBEDDING_ENDPOINT)."""
    chosen = settings or StoreSettings.from_environment()
    store = VectorStore(Path(chosen.folder), chosen.max_bytes)
    client = EmbeddingClient(embedding_url or os.environ.get("TEI_EMBEDDING_ENDPOINT") or DEFAULT_EMBEDDING)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.close()

    description = "Ingests text, Markdown, HTML, PDF, DOCX and links"
    app = create_app("dataprep", description, lifespan=lifespan, max_body=MAX_REQUEST)
    _add_ingest(app, store, client, chosen.index)
    _add_management(app, store, chosen.index)
    return app


def _add_ingest(app: FastAPI, store: VectorStore, client: EmbeddingClient, default_index: str) -> None:
    @app.post("/v1/dataprep/ingest")
    async def ingest_files(
        files: Annotated[list[UploadFile] | None, File()] = None,
        link_list: Annotated[str | None, Form()] = None,
        chunk_size: Annotated[int, Form()] = 1500,
        chunk_overlap: Annotated[int, Form()] = 100,
        index_name: Annotated[str | None, Form()] = None,
    ) -> dict[str, Any]:
        cutting = Cutting(chunk_size, chunk_overlap)
        sources = [await _uploaded(file) for file in files or []]
        sources += [await _linked(link) for link in _links(link_list)]
        if not sources:
            raise OperationError("give files or a link_list to ingest", code="bad-input")
        done = await ingest(store, index_name or default_index, client, sources, cutting)
        return {
            "status": 200,
            "message": "Data preparation succeeded",
            "documents": [asdict(document) for document in done],
        }


def _add_management(app: FastAPI, store: VectorStore, default_index: str) -> None:
    @app.post("/v1/dataprep/get")
    def get_files(index_name: Annotated[str | None, Body(embed=True)] = None) -> list[dict[str, str]]:
        names = [document.name for document in store.documents(index_name or default_index)]
        return [{"name": name, "id": name, "type": "File", "parent": ""} for name in names]

    @app.post("/v1/dataprep/delete")
    def delete_files(
        file_path: Annotated[str, Body()], index_name: Annotated[str | None, Body()] = None
    ) -> dict[str, bool]:
        index = index_name or default_index
        if file_path == "all":
            store.clear(index)
        elif not store.delete(index, file_path):
            raise OperationError(f"no document {file_path[:300]!r} in index {index}", code="not-found")
        return {"status": True}

    @app.post("/v1/dataprep/indices")
    def indices() -> list[str]:
        return store.indices()


async def _uploaded(file: UploadFile) -> Source:
    """The name is only a key, never a path on this machine's disk; folders in it are kept."""
    name = (file.filename or "").strip()
    if not name or len(name) > 1024 or not name.isprintable():
        raise OperationError("a file has no usable name", code="bad-input")
    if file.size is not None and file.size > MAX_FILE:
        raise OperationError(f"{name} is larger than {MAX_FILE} bytes", code="too-large")
    return Source(name, await file.read())


async def _linked(link: str) -> Source:
    page = await fetch(link)
    return Source(page.url, page.content, page.kind)


def _links(link_list: str | None) -> list[str]:
    if not link_list:
        return []
    try:
        links = json.loads(link_list)
    except ValueError:
        links = None
    if not isinstance(links, list) or not all(isinstance(link, str) for link in links):
        message = 'link_list must be a JSON list of strings, such as ["https://example.org/page"]'
        raise OperationError(message, code="bad-input")
    if len(links) > MAX_LINKS:
        raise OperationError(f"link_list holds more than {MAX_LINKS} links", code="too-large")
    return links


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service; see ``--help``."""
    run("dataprep", make_app, arguments)


if __name__ == "__main__":
    main()
