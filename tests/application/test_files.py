"""Files that an application brings: read with it, from its folder only."""

import os

import pytest

from opea_pulumi import ApplicationError, load_application

TEXT = """\
opea_micro_services:
  llm:
    files:
      /etc/app/prompt.txt: FILE
opea_mega_service: {mega_flow: [llm]}
"""


@pytest.fixture
def folder(tmp_path):
    inner = tmp_path / "app"
    (inner / "texts").mkdir(parents=True)
    (tmp_path / "outside.txt").write_text("hunter2")
    (inner / "texts" / "prompt.txt").write_text("Answer. é")
    (inner / "link.txt").symlink_to(inner / "texts" / "prompt.txt")
    (inner / "away.txt").symlink_to(tmp_path / "outside.txt")
    (inner / "loop").symlink_to(inner / "loop")
    (inner / "large.txt").write_bytes(b"x" * (256 * 1024 + 1))
    (inner / "full.txt").write_bytes(b"x" * (256 * 1024))
    (inner / "latin.txt").write_bytes(b"\xe9")
    (inner / "binary.txt").write_bytes(b"a\0b")
    os.mkfifo(inner / "pipe")
    return inner


def load(folder, file):
    (folder / "opea.yaml").write_text(TEXT.replace("FILE", file))
    return load_application(folder)


@pytest.mark.parametrize("file", ["texts/prompt.txt", "link.txt", "./texts/prompt.txt"])
def test_contents_by_path(folder, file):
    loaded = load(folder, file)
    assert loaded.files == {file: "Answer. é"}
    assert loaded.folder == folder
    assert loaded.with_settings({"hardware": "xeon"}, "flag").files == loaded.files


def test_the_largest_file(folder):
    assert len(load(folder, "full.txt").files["full.txt"]) == 256 * 1024


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("missing.txt", "no-file"),
        ("texts", "no-file"),
        ("pipe", "no-file"),
        ("loop", "no-file"),
        ("away.txt", "file-outside"),
        ("large.txt", "file-too-large"),
        ("latin.txt", "file-not-text"),
        ("binary.txt", "file-not-text"),
    ],
)
def test_what_is_no_file_of_the_application(folder, file, code):
    with pytest.raises(ApplicationError) as caught:
        load(folder, file)
    error = caught.value
    assert error.code == code
    assert error.hint
    assert (error.location.line, error.location.column) == (4, 28)
    assert error.location.path == "opea_micro_services.llm.files./etc/app/prompt.txt"
    assert "hunter2" not in str(error)


def test_an_overlay_may_bring_a_file_of_the_application_folder(folder, tmp_path):
    (folder / "opea.yaml").write_text("opea_micro_services: {llm: }\nopea_mega_service: {mega_flow: [llm]}")
    (tmp_path / "prod.yaml").write_text("opea_micro_services: {llm: {files: {/a: link.txt}}}")
    loaded = load_application(folder, overlays=[tmp_path / "prod.yaml"])
    assert loaded.files == {"link.txt": "Answer. é"}
