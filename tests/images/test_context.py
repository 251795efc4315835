"""What an image is built from; that it builds and runs is shown on a real engine in tests/docker."""

from importlib.metadata import version

import pytest

from opea_pulumi.errors import OperationError, UsageError
from opea_pulumi.images import Base, default_base, make_context, own_image, own_images, prefixed
from opea_pulumi.images._pip import pip

EMBEDDED, ROUTER = own_images()


@pytest.mark.parametrize(
    ("image", "platform"),
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


def test_a_combination_that_is_not_to_be_had(tmp_path):
    """wordllama 0.4 has no wheel for linux/arm64: said before pip is asked."""
    with pytest.raises(OperationError, match="embedded is not built for linux/arm64") as caught:
        make_context(EMBEDDED, Base("any", "3.12", "linux/arm64"), tmp_path)
    assert caught.value.code == "unknown-platform"
    assert caught.value.hint == "it is built for linux/amd64"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("opea-pulumi/router:0.1.0", "router"),
        ("opea-pulumi/embedded", "embedded"),
        ("r.example.com/opea-pulumi/router:0.1.0", "router"),
        ("r.example.com:5000/mirror/deep/opea-pulumi/router:0.1.0", "router"),
        ("me/opea-pulumi/router:0.1.0", "router"),
        (f"r.example.com/opea-pulumi/router:0.1.0@sha256:{'0' * 64}", "router"),
        ("opea-pulumi/other:0.1.0", None),
        ("not-opea-pulumi/router:0.1.0", None),
        ("r.example.com/xopea-pulumi/router", None),
        ("opea/llm-textgen:1.5", None),
        ("router", None),
    ],
)
def test_which_images_are_ours(reference, name):
    found = own_image(reference)
    assert (found.name if found else None) == name


def test_a_registry_s_prefix():
    assert (
        prefixed("opea-pulumi/router:1", "r.example.com/mirror/")
        == "r.example.com/mirror/opea-pulumi/router:1"
    )
    assert prefixed("opea-pulumi/router:1", "") == "opea-pulumi/router:1"
    with pytest.raises(UsageError) as caught:
        prefixed("opea-pulumi/router:1", "https://me:canary-pa55@r.example.com")
    assert caught.value.code == "bad-registry"
    assert "canary" not in str(caught.value)
