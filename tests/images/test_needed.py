"""The archive: whole or not there. What an engine sends is made up here; tests/docker has a real one."""

import io
import json
import tarfile
from types import SimpleNamespace

import pytest

from opea_pulumi.errors import OperationError, UsageError
from opea_pulumi.images import save_images

NAMES = ["docker.io/library/redis:7", "r.example.com/opea/llm:1.5"]


def archive(*tags):
    """As an engine writes it: with the short form of names."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as file:
        table = json.dumps([{"Config": "x", "RepoTags": [tag], "Layers": []} for tag in tags]).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(table)
        file.addfile(entry, io.BytesIO(table))
    return packed.getvalue()


class Engine:
    """Answers one request for an archive."""

    def __init__(self, body, *, status=200, breaks=False):
        self.body, self.status_code, self.breaks = body, status, breaks
        self.text = body.decode(errors="replace") if status != 200 else ""
        self.asked = []
        image = {"Id": "sha256:1", "Size": 1, "Created": "", "Os": "linux", "Architecture": "amd64"}
        self.api = SimpleNamespace(
            base_url="http+docker://localhost",
            api_version="1.41",
            timeout=1,
            get=self.get,
            inspect_image=lambda name: image,
        )

    def get(self, url, *, params, stream, timeout):
        assert (stream, timeout) == (True, 1)
        self.asked.append((url, params))
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def iter_content(self, _size):
        yield self.body[: len(self.body) // 2]
        if self.breaks:
            from requests.exceptions import ChunkedEncodingError

            raise ChunkedEncodingError("Connection broken")
        yield self.body[len(self.body) // 2 :]


def save(engine, folder, **options):
    said = []
    return save_images(engine, NAMES, folder / "images.tar", said.append, **options)


def left(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_save(tmp_path):
    body = archive("redis:7", "r.example.com/opea/llm:1.5")
    engine = Engine(body)
    assert save(engine, tmp_path) == len(body)
    assert left(tmp_path) == {"images.tar": body}
    assert engine.asked == [("http+docker://localhost/v1.41/images/get", {"names": NAMES})]


@pytest.mark.parametrize(
    ("engine", "code"),
    [
        (Engine(archive("redis:7", "r.example.com/opea/llm:1.5"), breaks=True), "docker-down"),
        (Engine(archive("redis:7")), "save-failed"),
        (Engine(archive("redis:7", "r.example.com/opea/llm:1.5")[:1200]), "save-failed"),
        (Engine(b""), "save-failed"),
        (Engine(b'{"message": "no space left on device"}', status=500), "save-failed"),
    ],
    ids=["breaks off", "one is not in it", "cut short", "nothing", "refused"],
)
def test_no_half_archive(engine, code, tmp_path):
    """Not even over one that is there."""
    (tmp_path / "images.tar").write_bytes(b"old")
    with pytest.raises(OperationError) as caught:
        save(engine, tmp_path, force=True)
    assert caught.value.code == code
    assert left(tmp_path) == {"images.tar": b"old"}


def test_no_archive_is_replaced_unasked(tmp_path):
    (tmp_path / "images.tar").write_bytes(b"old")
    engine = Engine(archive("redis:7"))
    with pytest.raises(UsageError) as caught:
        save(engine, tmp_path)
    assert caught.value.code == "file-exists"
    assert engine.asked == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(UsageError) as caught:
        save(Engine(archive()), tmp_path / "none")
    assert caught.value.code == "not-writable"


def test_a_full_disk(tmp_path):
    with pytest.raises(UsageError) as caught:
        save_images(FullEngine(b""), NAMES, tmp_path / "images.tar", print)
    assert caught.value.code == "not-writable"
    assert "No space left on device" in str(caught.value)
    assert left(tmp_path) == {}


class FullEngine(Engine):
    """Its archive does not fit."""

    def iter_content(self, _size):
        import errno

        raise OSError(errno.ENOSPC, "No space left on device")
        yield
