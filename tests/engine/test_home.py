from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import platformdirs
import pytest

from opea_pulumi.engine import Home
from opea_pulumi.errors import EngineError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_environment_names_the_folders(tmp_path):
    home = Home.from_environment({"OPEA_HOME": str(tmp_path / "a"), "OPEA_CACHE": str(tmp_path / "b")})
    assert (home.data, home.cache) == (tmp_path / "a", tmp_path / "b")


def test_without_it_the_users_own_are_taken():
    home = Home.from_environment({})
    assert str(home.data) == platformdirs.user_data_dir("opea-pulumi", appauthor=False)
    assert str(home.cache) == platformdirs.user_cache_dir("opea-pulumi", appauthor=False)


def test_a_relative_folder_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Home.from_environment({"OPEA_HOME": "here"}).data == tmp_path / "here"


def test_folders_are_private_and_the_passphrase_stays(home):
    home.prepare()
    first = home.passphrase_file.read_text()
    home.prepare()
    assert home.passphrase_file.read_text() == first
    assert len(first) >= 32
    assert mode(home.passphrase_file) == 0o600
    assert {mode(path) for path in (home.data, home.state)} == {0o700}
    assert sorted(path.name for path in home.data.iterdir()) == ["passphrase", "stacks", "state"]


def test_many_at_once_agree_on_one_passphrase(home):
    home.make(home.data)
    code = (
        "from opea_pulumi.engine import Home; h = Home.from_environment(); h.prepare();"
        "print(h.passphrase_file.read_text())"
    )
    seen: list[str] = []

    def one() -> None:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        seen.append(done.stdout)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4
    assert len(set(seen)) == 1
    assert seen[0].strip() == home.passphrase_file.read_text()


@pytest.mark.parametrize("place", ["below a file", "/proc/nothing/here"])
def test_a_home_that_takes_no_files_is_one_clear_error(place, tmp_path):
    if place == "below a file":
        (tmp_path / "file").touch()
        place = str(tmp_path / "file" / "home")
    home = Home(Path(place), tmp_path / "cache")
    with pytest.raises(EngineError) as caught:
        home.prepare()
    assert caught.value.code == "home-not-writable"
    assert place in caught.value.message
    assert "OPEA_HOME" in caught.value.hint


def test_a_cache_that_takes_no_files_names_its_own_variable(tmp_path):
    (tmp_path / "file").touch()
    home = Home(tmp_path / "data", tmp_path / "file" / "cache")
    with pytest.raises(EngineError, match="cannot write") as caught:
        home.make(home.engines)
    assert "OPEA_CACHE" in caught.value.hint


def test_importing_the_package_imports_no_pulumi():
    code = (
        "import sys, opea_pulumi.engine as e; e.Stacks, e.Progress, e.install;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('pulumi', 'grpc', 'google', 'psutil')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
