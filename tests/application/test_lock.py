"""The lock file: written, read back, and refused with its place when it is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import ApplicationError, load_application
from opea_pulumi.application import LOCK_NAME, Lock, dump_lock, read_lock

DIGEST = f"sha256:{'0a' * 32}"
GOOD = f"version: 1\nrelease: '1.5'\nresolved: 2026-11-25\nimages:\n  opea/llm:1.5: {DIGEST}\n"
APPLICATION = "opea_micro_services: {llm: }\nopea_mega_service: {mega_flow: [llm]}"

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)


@given(_TEXT, st.dates().map(str), st.dictionaries(_TEXT, st.from_regex(r"\Asha256:[0-9a-f]{64}\Z")))
def test_what_is_written_reads_back_equal(tmp_path_factory, release, resolved, images):
    file = tmp_path_factory.mktemp("lock") / LOCK_NAME
    lock = Lock(release, resolved, images)
    file.write_text(dump_lock(lock), "utf-8")
    assert read_lock(file) == lock
    assert dump_lock(read_lock(file)) == dump_lock(lock)


def test_one_line_an_image_sorted():
    lines = dump_lock(Lock("1.5", "2026-11-25", {"b:1": DIGEST, "a:1": DIGEST})).splitlines()
    assert lines[0].startswith("# Written by opea-pulumi catalog verify")
    assert lines[1:] == [
        "version: 1",
        "release: '1.5'",
        "resolved: '2026-11-25'",
        "images:",
        f"  a:1: {DIGEST}",
        f"  b:1: {DIGEST}",
    ]


def test_the_lock_beside_the_file_is_loaded(tmp_path):
    (tmp_path / "opea.yaml").write_text(APPLICATION)
    assert load_application(tmp_path).digests == {}
    (tmp_path / LOCK_NAME).write_text(GOOD)
    assert load_application(tmp_path).digests == {"opea/llm:1.5": DIGEST}
    assert load_application(tmp_path / "opea.yaml").digests == {"opea/llm:1.5": DIGEST}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "1:1"),
        ("- 1", "1:1"),
        ("a: [", "2:1"),
        (GOOD.replace("version: 1", "version: 2"), "1:10 (version)"),
        (GOOD.replace("version: 1\n", ""), "1:1 (version)"),
        (GOOD.replace("release: '1.5'", "release: 1.5"), "2:10 (release)"),
        (GOOD.replace("resolved: 2026-11-25\n", ""), "1:1 (resolved)"),
        (GOOD.replace("images:", "image:"), "4:1 (image)"),
        (GOOD.partition("images")[0] + "images: []", "4:9 (images)"),
        (GOOD.replace(DIGEST, "sha256:canary"), "5:17 (images.***)"),
        (GOOD.replace(DIGEST, "1"), "5:17 (images.***)"),
        (GOOD + "  opea/llm:1.5: x\n", "6:3 (images.***)"),
    ],
)
def test_a_wrong_lock(tmp_path, text, place):
    (tmp_path / "opea.yaml").write_text(APPLICATION)
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(ApplicationError) as caught:
        load_application(tmp_path)
    assert str(caught.value.location) == f"{tmp_path / LOCK_NAME}:{place}"
    assert "canary" not in str(caught.value)


def test_a_lock_that_cannot_be_read(tmp_path):
    (tmp_path / "opea.yaml").write_text(APPLICATION)
    (tmp_path / LOCK_NAME).mkdir()
    with pytest.raises(ApplicationError) as caught:
        load_application(tmp_path)
    assert caught.value.code == "bad-lock"
