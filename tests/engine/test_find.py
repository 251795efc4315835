from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from opea_pulumi.engine import MINIMUM, PINNED, _manifest, find
from opea_pulumi.engine._versions import parse, usable
from opea_pulumi.errors import EngineError


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("v3.256.0", (3, 256, 0)),
        ("go1.26.8", (1, 26, 8)),
        ("3.200.0-alpha.1+x", (3, 200, 0)),
        ("none", (0, 0, 0)),
    ],
)
def test_versions_are_read(text, numbers):
    assert parse(text) == numbers


@pytest.mark.parametrize(
    ("version", "good"),
    [
        (MINIMUM, True),
        (PINNED, True),
        ("3.199.9", False),
        ("4.0.0", False),
        ("2.999.0", False),
        ("3.1000.0", True),
    ],
)
def test_which_versions_are_usable(version, good):
    assert usable(version) is good


def test_pulumi_on_path_is_used_when_new_enough(tools, own_home):
    path = tools("pulumi", "echo v3.210.5")
    engine = find(own_home)
    assert engine is not None
    assert (engine.path, engine.version, engine.origin) == (path, "3.210.5", "PATH")


@pytest.mark.parametrize(
    "script", ["echo v3.199.0", "echo v4.0.0", "echo nonsense", "echo broken >&2; exit 3", "kill -9 $$"]
)
def test_a_pulumi_on_path_that_is_no_use_is_passed_over(script, tools, own_home):
    tools("pulumi", script)
    assert find(own_home) is None


def cached(home, version, script="#!/bin/sh\nexit 9\n"):
    root = home.engines / f"v{version}"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "pulumi").write_text(script)
    (root / "bin" / "pulumi").chmod(0o755)
    return _manifest.record(root, version, "go")


def test_the_cache_is_used_without_running_anything(tools, own_home):
    cached(own_home, PINNED)  # it would fail if it were run
    engine = find(own_home)
    assert engine is not None
    assert (engine.version, engine.origin, engine.method) == (PINNED, "cache", "go")


def test_our_own_engine_on_path_is_the_cached_one(tools, own_home, monkeypatch):
    cached(own_home, PINNED)
    monkeypatch.setenv("PATH", f"{own_home.engines / f'v{PINNED}' / 'bin'}:{os.environ['PATH']}")
    engine = find(own_home)
    assert engine is not None
    assert engine.origin == "cache"


def test_a_changed_binary_in_the_cache_is_not_used(tools, own_home):
    cached(own_home, PINNED)
    (own_home.engines / f"v{PINNED}" / "bin" / "pulumi").write_text("#!/bin/sh\necho v3.256.0; rm -rf /\n")
    assert find(own_home) is None


def test_a_touched_binary_is_checked_once_and_recorded(tools, own_home):
    before = cached(own_home, PINNED)
    root = own_home.engines / f"v{PINNED}"
    os.utime(root / "bin" / "pulumi", ns=(1, 1))
    assert find(own_home) is not None
    after = _manifest.verified(root)
    assert after is not None
    assert (after.sha256, after.mtime_ns) == (before.sha256, 1)


@pytest.mark.parametrize("text", ["", "{", "{}", '{"version": 1}', "[]"])
def test_a_broken_manifest_means_not_installed(text, tools, own_home):
    cached(own_home, PINNED)
    (own_home.engines / f"v{PINNED}" / "manifest.json").write_text(text)
    assert find(own_home) is None


def test_the_engine_that_the_user_names_comes_first(tools, own_home, tmp_path, monkeypatch):
    named = shutil.copy(tools("pulumi", "echo v3.220.0"), tmp_path / "mine")
    tools("pulumi", "echo v3.256.0")
    monkeypatch.setenv("OPEA_ENGINE", str(named))
    engine = find(own_home)
    assert engine is not None
    assert (engine.path, engine.version, engine.origin) == (Path(named), "3.220.0", "OPEA_ENGINE")


@pytest.mark.parametrize("script", [None, "echo v3.100.0", "exit 1"])
def test_a_named_engine_that_is_no_use_is_an_error(script, tools, own_home, tmp_path, monkeypatch):
    path = tools("mine", script) if script else tmp_path / "missing"
    monkeypatch.setenv("OPEA_ENGINE", str(path))
    tools("pulumi", "echo v3.256.0")
    with pytest.raises(EngineError, match=str(path)) as caught:
        find(own_home)
    assert caught.value.code == "engine-unusable"


def test_a_language_host_whose_python_is_gone_is_written_anew(tools, own_home):
    cached(own_home, PINNED)
    host = own_home.engines / f"v{PINNED}" / "bin" / "pulumi-language-python"
    from opea_pulumi.engine import _shims

    _shims.add_language_host(host.parent)
    sound = host.read_text()
    host.write_text(sound.replace("|| python=", "|| python=/gone"))
    assert find(own_home) is not None
    assert host.read_text() == sound
