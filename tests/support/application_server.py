"""A stand-in for a running application: one HTTP server plays the router and every service.

``replies`` replaces what a path answers, so that a test can break one hop.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local_server import QuietHandler, running

CONTRACTS = {
    "embedding": "/v1/embeddings",
    "retrieval": "/v1/retrieval",
    "reranking": "/v1/reranking",
    "llm": "/v1/chat/completions",
}


@dataclass(frozen=True)
class Request:
    path: str
    body: bytes
    content_type: str
    authorization: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, tuple[str | None, str]]:
        """Parts of a multipart form: field -> (file name, text)."""
        head = f"Content-Type: {self.content_type}\r\n\r\n".encode()
        parts = message_from_bytes(head + self.body).get_payload()
        return {
            part.get_param("name", header="content-disposition"): (
                part.get_filename(),
                part.get_payload(decode=True).decode(),
            )
            for part in parts
        }

    def field(self, name: str) -> str | None:
        """A field of a url-encoded or multipart form."""
        from urllib.parse import parse_qs

        if self.content_type.startswith("multipart/"):
            return self.form().get(name, (None, None))[1]
        return parse_qs(self.body.decode()).get(name, [None])[0]


@dataclass(frozen=True)
class Reply:
    """``parts`` are sent one after the other; with ``cut`` the connection then breaks off.

    ``before_part`` holds back a part, by its index, until its event is set.
    """

    status: int
    parts: tuple[bytes, ...]
    content_type: str = "application/json"
    cut: bool = False
    before_part: Mapping[int, threading.Event] = field(default_factory=dict)


def reply(data: object, status: int = 200) -> Reply:
    return Reply(status, (json.dumps(data).encode(),))


def events(*data: object, done: bool = True, cut: bool = False) -> Reply:
    """A stream of server-sent events; a ``(name, data)`` pair is a named one."""
    parts = [_event(entry) for entry in data] + ([b"data: [DONE]\n\n"] if done else [])
    return Reply(200, tuple(parts), "text/event-stream", cut)


def _event(entry: object) -> bytes:
    name, data = entry if isinstance(entry, tuple) else ("", entry)
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def delta(text: str, **extra: object) -> dict[str, object]:
    return {"choices": [{"delta": {"content": text}}], **extra}


Answer = Reply | Callable[[Request], Reply]


@dataclass
class ApplicationServer:
    url: str = ""
    steps: tuple[str, ...] = ("embedding", "retrieval", "reranking", "llm", "dataprep")
    external: tuple[str, ...] = ()
    documents: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    replies: dict[str, Answer] = field(default_factory=dict)

    @property
    def outputs(self) -> dict[str, Any]:
        """What a stack that runs this application gives."""
        return {
            "application": "/apps/handbook/opea.yaml",
            "endpoints": {"router": self.url},
            "profile": "embedded",
            "target": "fake",
            "url": f"{self.url}/v1/chatqna",
        }

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        chosen = self.replies.get(request.path) or getattr(self, _method(request.path), None)
        if chosen is None:
            return reply({"detail": "Not Found"}, 404)
        return chosen(request) if callable(chosen) else chosen

    def on_graph(self, _request: Request) -> Reply:
        return reply({"spec": {"nodes": {"root": {"routerType": "Sequence", "steps": self._graph()}}}})

    def _graph(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        for name in self.steps:
            path = CONTRACTS.get(name, "/v1/dataprep/ingest")
            kind = {"externalService": name} if name in self.external else {"internalService": {}}
            if name == "dataprep":
                kind["internalService"] = {"isDownstreamService": True}
            steps.append({"name": name, "serviceUrl": f"{self.url}/{name}{path}", **kind})
        return steps

    def on_ingest(self, request: Request) -> Reply:
        link_list = request.field("link_list")
        if link_list is not None:
            self.documents |= dict.fromkeys(json.loads(link_list), "a page")
        else:
            name, text = request.form()["files"]
            self.documents[str(name)] = text
        return reply({"status": 200})

    def on_get(self, _request: Request) -> Reply:
        return reply(
            [{"name": name, "id": name, "type": "File", "parent": ""} for name in sorted(self.documents)]
        )

    def on_delete(self, request: Request) -> Reply:
        name = request.json["file_path"]
        if name == "all":
            self.documents.clear()
        elif self.documents.pop(name, None) is None:
            return reply(
                {"detail": f"no document {name}", "error": {"code": "not-found", "message": "no"}}, 404
            )
        return reply({"status": True})

    def on_embeddings(self, _request: Request) -> Reply:
        return reply({"data": [{"embedding": [0.6, 0.8]}]})

    def on_retrieval(self, _request: Request) -> Reply:
        return reply({"retrieved_docs": [{"text": text} for text in self.documents.values()]})

    def on_reranking(self, request: Request) -> Reply:
        wanted = set(request.json["initial_query"].split())
        texts = [row["text"] for row in request.json["retrieved_docs"]]
        best = sorted(texts, key=lambda text: -len(wanted & set(text.split())))
        return reply({"documents": best[: request.json["top_n"]]})

    def on_llm(self, _request: Request) -> Reply:
        return reply({"choices": [{"message": {"content": "An answer."}}]})

    def on_chat(self, _request: Request) -> Reply:
        sources = [{"source": name, "text": text} for name, text in self.documents.items()]
        return events(delta("An "), delta("answer."), {"choices": [{"delta": {}}], "sources": sources})


def _method(path: str) -> str:
    known = {
        "/graph": "on_graph",
        "/v1/chat/completions": "on_chat",
        "/llm/v1/chat/completions": "on_llm",
    }
    return known.get(path) or f"on_{path.rpartition('/')[2]}"


class _Handler(QuietHandler, BaseHTTPRequestHandler):
    application: ApplicationServer

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def _serve(self, body: bytes) -> None:
        authorization = self.headers.get("Authorization", "")
        request = Request(self.path, body, self.headers.get("Content-Type", ""), authorization)
        answer = self.application.answer(request)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(sum(map(len, answer.parts)) + (100 if answer.cut else 0)))
        self.end_headers()
        for index, part in enumerate(answer.parts):
            if index in answer.before_part:
                assert answer.before_part[index].wait(10)
            self.wfile.write(part)
            self.wfile.flush()
        self.close_connection = True


@contextmanager
def serving(application: ApplicationServer | None = None) -> Iterator[ApplicationServer]:
    application = application or ApplicationServer()
    handler = type("Handler", (_Handler,), {"application": application})
    with running(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as host:
        application.url = f"http://{host}"
        yield application
