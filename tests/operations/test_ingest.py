import os
from pathlib import Path

import pytest
from application_server import Reply, reply

from opea_pulumi.errors import OperationError
from opea_pulumi.operations import (
    Document,
    delete_document,
    documents,
    expand,
    ingest_file,
    ingest_link,
    is_link,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.md", "a.txt", "deep/a.txt", "deep/er/C.PDF", "image.png", ".hidden.md", ".git/notes.md"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text of {name}")
    return tmp_path / "docs"


def test_a_folder_means_its_documents_by_their_paths_below_it(folder):
    found = expand([str(folder)])
    assert [document.name for document in found] == ["a.txt", "b.md", "deep/a.txt", "deep/er/C.PDF"]
    assert found[2] == Document(folder / "deep/a.txt", "deep/a.txt")


def test_a_named_file_is_taken_whatever_its_name(folder):
    assert [document.name for document in expand([str(folder / "image.png")])] == ["image.png"]
    assert [document.name for document in expand([str(folder / ".hidden.md")])] == [".hidden.md"]


def test_one_file_named_twice_is_sent_once(folder):
    assert len(expand([str(folder), str(folder / "a.txt")])) == 4


def test_two_files_that_would_replace_one_another_are_refused(folder):
    with pytest.raises(OperationError) as caught:
        expand([str(folder / "a.txt"), str(folder / "deep/a.txt")])
    assert caught.value.code == "same-name"
    assert str(folder / "a.txt") in caught.value.message
    assert caught.value.location.file == str(folder / "deep/a.txt")


@pytest.mark.parametrize("name", ["missing.txt", "missing/", "a.txt/below"])
def test_a_missing_document_is_named(folder, name):
    with pytest.raises(OperationError) as caught:
        expand([str(folder / "b.md"), str(folder / name)])
    assert (caught.value.code, caught.value.location.file) == ("no-document", str(folder / name))


def test_a_folder_without_documents(folder):
    (folder / "empty").mkdir()
    with pytest.raises(OperationError) as caught:
        expand([str(folder / "empty")])
    assert caught.value.code == "no-document"
    assert ".md" in caught.value.hint


def test_a_folder_that_is_hidden_itself_is_taken_when_named(folder):
    assert [document.name for document in expand([str(folder / ".git")])] == ["notes.md"]


def test_files_are_sent_under_their_names(server, application, folder):
    for document in expand([str(folder)]):
        ingest_file(application, document)
    assert server.documents["deep/a.txt"] == "text of deep/a.txt"
    assert server.paths()[1:] == ["/v1/dataprep/ingest"] * 4


def test_a_name_that_is_no_text_is_sent_readable(server, application, tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_text("a menu")
    ingest_file(application, expand([str(path)])[0])
    assert server.documents == {"caf?.txt": "a menu"}


def test_a_file_that_cannot_be_read(application, tmp_path):
    with pytest.raises(OperationError) as caught:
        ingest_file(application, Document(tmp_path / "gone.txt", "gone.txt"))
    assert caught.value.code == "no-document"
    assert "cannot be read: No such file" in caught.value.message
    assert caught.value.location.file == str(tmp_path / "gone.txt")


def test_links(server, application):
    assert is_link("https://example.org/a")
    assert is_link("http://example.org")
    assert not is_link("ftp/https:")
    ingest_link(application, "https://example.org/a")
    assert server.documents == {"https://example.org/a": "a page"}


def test_list_and_delete(server, application):
    server.documents |= {"b.md": "", "a.txt": ""}
    assert [row["name"] for row in documents(application)] == ["a.txt", "b.md"]
    delete_document(application, "a.txt")
    assert set(server.documents) == {"b.md"}
    delete_document(application, "all")
    assert documents(application) == []


def test_delete_of_what_is_not_there(application):
    with pytest.raises(OperationError, match=r"delete of x\.md: 404") as caught:
        delete_document(application, "x.md")
    assert caught.value.code == "not-found"


@pytest.mark.parametrize("answer", [Reply(200, (b"hello",), "text/plain"), reply({"documents": []})])
def test_a_list_of_another_form(server, application, answer):
    server.replies["/v1/dataprep/get"] = answer
    with pytest.raises(OperationError) as caught:
        documents(application)
    assert caught.value.code == "bad-answer"


def test_a_full_disk_is_said_with_what_to_do(server, application, folder):
    error = {"message": "no space left", "code": "store-full"}
    server.replies["/v1/dataprep/ingest"] = reply({"detail": "no space left", "error": error}, 507)
    with pytest.raises(OperationError) as caught:
        ingest_file(application, Document(folder / "a.txt", "a.txt"))
    assert caught.value.code == "store-full"
    assert caught.value.message == "ingest of a.txt: 507: no space left"
    assert "make room" in caught.value.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"detail": "too long"}', "too long"),
        (b'{"detail": {"code": "c", "message": "m"}}', "m"),
        (b'{"detail": [{"loc": ["body"]}]}', "[{'loc': ['body']}]"),
        (b'"text"', "text"),
        (b"plain text", "plain text"),
        (b"", "Internal Server Error"),
    ],
)
def test_whatever_form_an_error_has_it_is_shown(server, application, body, said):
    server.replies["/v1/dataprep/get"] = Reply(500, (body,))
    with pytest.raises(OperationError) as caught:
        documents(application)
    assert caught.value.message == f"dataprep: 500: {said}"
