"""What is done with a running application, on whatever target: over HTTP, through its router."""

from ._ask import Answer, Source, ask
from ._graph import Application, connect
from ._ingest import Document, delete_document, documents, expand, ingest_file, ingest_link, is_link
from ._smoke import HopResult, smoke_test

__all__ = [
    "Answer",
    "Application",
    "Document",
    "HopResult",
    "Source",
    "ask",
    "connect",
    "delete_document",
    "documents",
    "expand",
    "ingest_file",
    "ingest_link",
    "is_link",
    "smoke_test",
]
