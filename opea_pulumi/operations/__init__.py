"""What is done with a running application, on whatever target: over HTTP, through its router."""

from ._access import Access, access
from ._ask import Answer, Source, ask
from ._credentials import Credentials, docker_credentials
from ._graph import Application, connect
from ._ingest import Document, delete_document, documents, expand, ingest_file, ingest_link, is_link
from ._registry import ImageAnswer, ask_registries
from ._smoke import HopResult, smoke_test
from ._verify import Verified, application_images, locked, release_images, verify

__all__ = [
    "Access",
    "Answer",
    "Application",
    "Credentials",
    "Document",
    "HopResult",
    "ImageAnswer",
    "Source",
    "Verified",
    "access",
    "application_images",
    "ask",
    "ask_registries",
    "connect",
    "delete_document",
    "docker_credentials",
    "documents",
    "expand",
    "ingest_file",
    "ingest_link",
    "is_link",
    "locked",
    "release_images",
    "smoke_test",
    "verify",
]
