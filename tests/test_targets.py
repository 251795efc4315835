"""Targets are entry points: installed packages add them, the command knows none by name."""

import pytest

from opea_pulumi import UsageError
from opea_pulumi.targets import DEFAULT, choose_profile, load_target, target_names
from opea_pulumi.terms import Profile

MODULE = """
class Moon:
    name = "moon"
    profiles = ("opea", "embedded")

TARGET = Moon()
"""


@pytest.fixture
def moon(tmp_path, monkeypatch):
    """A target of another distribution, as pip would install it."""
    info = tmp_path / "opea_moon-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: opea-moon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opea_pulumi.targets]\nmoon = opea_moon_target:TARGET\n")
    (tmp_path / "opea_moon_target.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_the_default_target_is_installed():
    target = load_target(DEFAULT)
    assert target.name == DEFAULT
    assert target.profiles == (Profile.EMBEDDED,)


def test_another_package_can_add_a_target(moon):
    assert set(target_names()) >= {"local", "moon"}
    assert target_names() == sorted(target_names())
    assert load_target("moon").name == "moon"


def test_an_unknown_target():
    with pytest.raises(UsageError) as caught:
        load_target("locall")
    assert caught.value.code == "unknown-target"
    assert caught.value.hint == f"one of {', '.join(target_names())}"


@pytest.mark.parametrize("asked", [None, Profile.EMBEDDED, "embedded"])
def test_profiles_that_a_target_deploys(asked):
    assert choose_profile(load_target("local"), asked) is Profile.EMBEDDED


def test_a_profile_that_it_does_not_deploy():
    with pytest.raises(UsageError) as caught:
        choose_profile(load_target("local"), Profile.OPEA)
    assert (caught.value.code, caught.value.hint) == ("profile-target", "it deploys embedded")
