"""What an image is built from; that it builds and runs is shown on a real engine in tests/docker."""

from importlib.metadata import version

import pytest

from opea_pulumi.errors import OperationError
from opea_pulumi.images import default_base, make_context, own_images
from opea_pulumi.images._pip import pip

EMBEDDED, ROUTER = own_images()


@pytest.mark.parametrize(
    ("image", "platform"),
    # wordllama 0.4 has no wheel for linux/arm64
    [(EMBEDDED, "linux/amd64"), (ROUTER, "linux/amd64"), (ROUTER, "linux/arm64")],
    ids=["embedded", "router", "router-arm64"],
)
def test_context(image, platform, tmp_path):
    """Every wheel is for the base's Python and platform, whatever this machine is."""
    make_context(image, default_base(platform), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Dockerfile", "wheels"]
    wheels = {path.name.partition("-")[0]: path.name for path in (tmp_path / "wheels").iterdir()}
    needed = {"router": {"aiohttp", "uvloop", "pydantic"}, "embedded": {"fastapi", "apsw", "numpy"}}
    assert needed[image.name] | {"opea_pulumi"} <= wheels.keys()
    assert not {"pulumi", "grpcio", "psutil"} & wheels.keys()
    machine = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}[platform]
    native = [name for name in wheels.values() if not name.endswith("-any.whl")]
    assert native
    assert all(name.endswith(f"{machine}.whl") for name in native)
    assert not any("cp311" in name for name in native)


def test_the_reference_is_the_catalogues():
    assert [image.reference for image in own_images()] == [
        f"opea-pulumi/{name}:{version('opea-pulumi')}" for name in ("embedded", "router")
    ]


def test_an_unknown_platform_is_refused():
    with pytest.raises(OperationError, match="linux/s390x") as caught:
        default_base("linux/s390x")
    assert caught.value.code == "unknown-platform"


def test_what_pip_cannot_get_is_told_in_its_words(tmp_path):
    with pytest.raises(OperationError, match="no-such-package-of-opea") as caught:
        pip("download", "--no-index", "--dest", str(tmp_path), "no-such-package-of-opea")
    assert caught.value.code == "pip-failed"
