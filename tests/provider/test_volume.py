"""LocalVolume: made, adopted, kept or removed; never anything that it did not make."""

import pytest
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.errors import OperationError
from opea_pulumi.provider._values import lift, unknown
from opea_pulumi.provider._volume import VOLUME_MARKER, VolumeResource

URN = "urn:pulumi:dev::opea::opea:index:LocalVolume::data"


@pytest.fixture
def volume():
    return VolumeResource()


async def make(volume, path):
    return await volume.create(rpc.CreateRequest(URN, {"path": lift(str(path))}, 0, False))


async def remove(volume, path):
    await volume.delete(rpc.DeleteRequest(URN, str(path), {"path": lift(str(path))}, 0))


async def test_made_with_parents_and_removed_with_content(volume, tmp_path):
    path = tmp_path / "a" / "data"
    answer = await make(volume, path)
    assert answer.resource_id == str(path)
    assert path.stat().st_mode & 0o777 == 0o700
    (path / "folder").mkdir()
    (path / "folder" / "file").write_text("x")
    (tmp_path / "outside").write_text("stays")
    (path / "link").symlink_to(tmp_path)
    await remove(volume, path)
    assert not path.exists()
    assert (tmp_path / "outside").read_text() == "stays"
    await remove(volume, path)


async def test_adopts_an_empty_folder_and_its_own(volume, tmp_path):
    path = tmp_path / "data"
    path.mkdir()
    await make(volume, path)
    (path / "file").write_text("kept")
    await make(volume, path)
    assert (path / "file").read_text() == "kept"


async def test_a_foreign_folder_is_neither_taken_nor_removed(volume, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OperationError) as caught:
        await make(volume, tmp_path)
    assert caught.value.code == "foreign-volume"
    with pytest.raises(OperationError) as caught:
        await remove(volume, tmp_path)
    assert caught.value.code == "foreign-volume"
    assert (tmp_path / "file").read_text() == "mine"


async def test_a_link_is_neither_taken_nor_followed(volume, tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.mkdir()
    link.symlink_to(target)
    with pytest.raises(OperationError, match="link"):
        await make(volume, link)
    await make(volume, target)
    with pytest.raises(OperationError):
        await remove(volume, link)
    assert (target / VOLUME_MARKER).exists()


async def test_a_path_that_cannot_be_made(volume, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationError, match="Not a directory"):
        await make(volume, tmp_path / "file" / "data")


async def test_data_can_be_kept(volume, tmp_path, monkeypatch):
    path = tmp_path / "data"
    await make(volume, path)
    (path / "file").write_text("kept")
    monkeypatch.setenv("OPEA_KEEP_DATA", "1")
    await remove(volume, path)
    assert (path / "file").read_text() == "kept"
    monkeypatch.setenv("OPEA_KEEP_DATA", "0")
    await remove(volume, path)
    assert not path.exists()


async def test_read_finds_it_or_not(volume, tmp_path):
    path = tmp_path / "data"
    request = rpc.ReadRequest(URN, str(path), {}, {})
    assert (await volume.read(request)).resource_id == ""
    await make(volume, path)
    answer = await volume.read(request)
    assert (answer.resource_id, answer.inputs) == (str(path), {"path": lift(str(path))})


def test_another_path_is_another_volume(volume):
    old = {"path": lift("/one")}
    same = volume.diff(rpc.DiffRequest(URN, "/one", old, {"path": lift("/one")}, []))
    assert same.changes is False
    for new in (lift("/two"), unknown()):
        assert volume.diff(rpc.DiffRequest(URN, "/one", old, {"path": new}, [])).replaces == ["path"]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "is required"),
        ({"path": lift("relative")}, "must be an absolute path"),
        ({"path": lift("/")}, "must not be the root of the file system"),
        ({"path": lift(5)}, "must be a string, not a number"),
    ],
)
def test_wrong_paths(volume, inputs, reason):
    (failure,) = volume.check(rpc.CheckRequest(URN, {}, inputs, b"")).failures
    assert (failure.property, failure.reason) == ("path", reason)
