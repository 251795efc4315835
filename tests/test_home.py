"""Where state and caches lie."""

from pathlib import Path

import platformdirs
import pytest

from opea_pulumi.home import cache, home

PLACES = [
    (home, "OPEA_HOME", platformdirs.user_data_path("opea-pulumi")),
    (cache, "OPEA_CACHE", platformdirs.user_cache_path("opea-pulumi")),
]


@pytest.mark.parametrize(("place", "variable", "default"), PLACES)
def test_places(place, variable, default, monkeypatch, tmp_path):
    for value in (None, ""):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, value)
        assert place() == default
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for value in (str(tmp_path / "x"), "x", "~/x"):
        monkeypatch.setenv(variable, value)
        assert place() == tmp_path / "x"


def test_nothing_is_created(monkeypatch, tmp_path):
    monkeypatch.setenv("OPEA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPEA_CACHE", str(tmp_path / "cache"))
    assert not home().exists()
    assert not cache().exists()
    assert isinstance(home(), Path)
