"""``opea-pulumi images`` and ``export-images`` without an engine; tests/docker has one."""

import pytest

ENGINE = [
    ("images", "build"),
    ("images", "build", "router", "--base", "a:1", "--python", "3.12"),
    ("images", "push", "--registry", "r.example.com"),
    ("images", "load", "images.tar"),
    ("images", "list"),
    ("export-images", "chatqna"),
    ("export-images", "chatqna", "--save", "images.tar"),
]


@pytest.fixture(autouse=True)
def no_engine(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


@pytest.mark.parametrize("words", ENGINE, ids=" ".join)
def test_no_engine(opea, words, tmp_path):
    """One clear error with the address, as data, too; and no file is left."""
    said = opea(*words).refused("docker-down")
    assert f"unix://{tmp_path}/none.sock (DOCKER_HOST): there is no such socket" in said
    assert "hint: start Docker, or set DOCKER_HOST" in said
    assert opea(*words, "--json").json["error"]["code"] == "docker-down"
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("images", "build", "--base", "a:1"), "base-python"),
        (("images", "build", "--python", "3.12"), "base-python"),
        (("images", "build", "--registry", "https://r"), "bad-registry"),
        (("images", "push", "--registry", "https://r"), "bad-registry"),
        (("export-images", "chatqna", "--list", "--save", "a.tar"), "which-export"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_usage(opea, words, code):
    opea(*words).refused(code, exit_code=2)


def test_an_unknown_image(opea):
    assert opea("images", "build", "other").code == 2


def test_export_of_what_is_no_application(opea):
    opea("export-images", "no-such-app").refused("no-application")
