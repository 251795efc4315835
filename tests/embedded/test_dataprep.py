"""Ingest, list, delete, and what retrieval sees of it."""

import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docx
import pytest
import yaml

BAD = yaml.safe_load((Path(__file__).parent / "bad_documents.yaml").read_text())
FACT = "The lighthouse of Skagen was built in 1747 by Philip de Lange."


def pdf(text: str) -> bytes:
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(out)
    return (
        out
        + b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF"
        % (
            table,
            start,
        )
    )


def word(text: str) -> bytes:
    document = docx.Document()
    document.add_heading("Lighthouses", 1)
    document.add_paragraph(text)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Height", "46 metres"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


KINDS = {
    "notes.txt": FACT.encode(),
    "bom.txt": b"\xef\xbb\xbf" + FACT.encode(),
    "windows.txt": f"Notes\r\n\r\n{FACT}\r\n".encode(),
    "server.log": FACT.encode(),
    "README": FACT.encode(),
    "notes.md": f"# Lighthouses\n\n## Denmark\n\n{FACT}\n".encode(),
    "page.html": f"<title>T</title><body><script>x</script><p>{FACT[:20]}<b>{FACT[20:]}</b></body>".encode(),
    "latin.html": f'<meta charset="iso-8859-1"><p>Caf\u00e9. {FACT}</p>'.encode("latin-1"),
    "report.pdf": pdf(FACT),
    "report.docx": word(FACT),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_is_quoted(pipeline, name):
    index = f"kind-{name}"
    done = pipeline.ingest((name, KINDS[name]), index_name=index)
    assert done.json()["message"] == "Data preparation succeeded", done.text
    found = pipeline.retrieve("When was the lighthouse built?", index_name=index)
    assert FACT in " ".join(found["retrieved_docs"][0]["text"].split())
    assert found["metadata"][0]["source"] == name


@pytest.mark.parametrize("case", BAD, ids=lambda case: case["name"])
def test_bad_documents_are_refused_and_store_nothing(pipeline, case):
    content = case["text"].encode() if "text" in case else bytes.fromhex(case["hex"])
    answer = pipeline.ingest(("good.txt", FACT.encode()), (case["name"], content), index_name="bad")
    assert answer.status_code == case.get("status", 400), answer.text
    assert answer.json()["error"]["code"] == case["code"]
    assert case["says"] in answer.json()["detail"]
    assert "Traceback" not in pipeline.dataprep.log
    assert pipeline.dataprep.post("/v1/dataprep/get", {"index_name": "bad"}) == []


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "give files or a link_list"),
        ({"link_list": "not json"}, "JSON list"),
        ({"link_list": '["file:///etc/passwd"]'}, "only http and https"),
        ({"link_list": '["http://127.0.0.1:1/"]'}, "can't be ingested"),
        ({"link_list": json.dumps(["http://x"] * 51)}, "more than 50"),
        ({"chunk_size": "5", "link_list": "[]"}, "chunk_size must be"),
        ({"chunk_overlap": "1500", "link_list": "[]"}, "chunk_overlap"),
    ],
)
def test_bad_forms_are_refused(pipeline, form, says):
    answer = pipeline.dataprep.http.post("/v1/dataprep/ingest", data=form)
    assert answer.status_code in (400, 413)
    assert says in answer.json()["detail"]


@pytest.mark.parametrize("index", ["../escape", "", " ", "a/b", "x" * 200])
def test_an_index_name_never_leaves_the_folder(pipeline, index):
    answer = pipeline.dataprep.http.post(
        "/v1/dataprep/delete", json={"file_path": "all", "index_name": index}
    )
    if index:
        assert answer.json()["error"]["code"] == "bad-index-name"
    else:
        assert answer.json() == {"status": True}  # empty means the default, as in OPEA's form


def test_the_same_content_again_changes_nothing(pipeline):
    first = pipeline.ingest(("same.txt", FACT.encode()), index_name="same").json()["documents"]
    again = pipeline.ingest(("same.txt", FACT.encode()), index_name="same").json()["documents"]
    other_cut = pipeline.ingest(("same.txt", FACT.encode()), index_name="same", chunk_size=200).json()[
        "documents"
    ]
    assert [item["status"] for item in first + again + other_cut] == ["added", "unchanged", "replaced"]
    assert len(pipeline.retrieve("lighthouse", index_name="same")["retrieved_docs"]) == 1


def test_updated_and_deleted_documents_are_never_quoted(pipeline):
    question = "Who is the mayor of Oldport?"
    pipeline.ingest(("mayor.txt", b"The mayor of Oldport is Ada Finch."), ("other.txt", b"Boats are blue."))
    assert "Ada Finch" in pipeline.ask(question)
    pipeline.ingest(("mayor.txt", b"The mayor of Oldport is Bo Crane."))
    assert "Bo Crane" in pipeline.ask(question)
    assert "Ada Finch" not in json.dumps(pipeline.retrieve(question, k=100))
    assert pipeline.dataprep.post("/v1/dataprep/delete", {"file_path": "mayor.txt"}) == {"status": True}
    assert pipeline.ask(question).startswith("I don't know")
    assert "Oldport" not in json.dumps(pipeline.retrieve("Oldport mayor", k=100)["retrieved_docs"])
    gone = pipeline.dataprep.http.post("/v1/dataprep/delete", json={"file_path": "mayor.txt"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "not-found")
    assert pipeline.dataprep.post("/v1/dataprep/delete", {"file_path": "all"}) == {"status": True}
    assert pipeline.names() == []
    assert pipeline.ask(question).startswith("I don't know")


def test_copies_of_one_file_take_one_place(pipeline):
    copies = [(f"copy{number}.txt", FACT.encode()) for number in range(6)]
    pipeline.ingest(*copies, ("sea.txt", b"The sea near the lighthouse is cold."), index_name="copies")
    assert len(pipeline.dataprep.post("/v1/dataprep/get", {"index_name": "copies"})) == 7
    texts = [doc["text"] for doc in pipeline.retrieve("lighthouse", index_name="copies")["retrieved_docs"]]
    assert len(texts) == len(set(texts)) == 2


def test_lists_have_opea_form(pipeline):
    pipeline.ingest(("dir/\u00fcber.txt", FACT.encode()), index_name="listed")
    listed = pipeline.dataprep.post("/v1/dataprep/get", {"index_name": "listed"})
    assert listed == [{"name": "dir/\u00fcber.txt", "id": "dir/\u00fcber.txt", "type": "File", "parent": ""}]
    assert "listed" in pipeline.dataprep.post("/v1/dataprep/indices")


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/page")
            self.end_headers()
            return
        body = b"" if self.path == "/missing" else f"<h1>Light</h1><p>{FACT}</p>".encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_links_are_ingested_under_their_address(pipeline, site):
    links = json.dumps([f"{site}/moved"])
    form = {"link_list": links, "index_name": "links"}
    assert pipeline.dataprep.http.post("/v1/dataprep/ingest", data=form).status_code == 200
    assert pipeline.sources("lighthouse of Skagen", index_name="links") == [f"{site}/moved"]
    form["link_list"] = json.dumps([f"{site}/missing"])
    refused = pipeline.dataprep.http.post("/v1/dataprep/ingest", data=form)
    assert refused.status_code == 400
    assert "answered 404" in refused.json()["detail"]
