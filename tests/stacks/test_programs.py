"""``stacks/__main__.py`` and ``components/__main__.py`` as plain Pulumi starts them: by their folder.

Python then puts that folder first on sys.path, and `import docker` would find ours.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SAY = """
import importlib.util, json, sys
names = ["local", "docker", "kubernetes", "program"]
found = {name: str(spec.origin) for name in names if (spec := importlib.util.find_spec(name))}
print(json.dumps(found), flush=True)
"""


@pytest.fixture
def layout(tmp_path):
    """A copy of a folder's __main__.py among folders with the names of other distributions."""

    def make(name, *, stand_in):
        folder = tmp_path / "clone" / name
        folder.mkdir(parents=True)
        for other in ("local", "docker", "kubernetes"):
            (folder / other).mkdir()
            (folder / other / "__init__.py").write_text("raise ImportError('a folder of ours')")
        (folder / "program.py").write_text("")
        (folder / "__main__.py").write_text((ROOT / name / "__main__.py").read_text())
        package = tmp_path / "site" / "opea_pulumi"
        for path, text in stand_in.items():
            file = package / path
            file.parent.mkdir(parents=True, exist_ok=True)
            for parent in (file.parent, package):
                (parent / "__init__.py").touch()
            file.write_text(text)
        for distribution in ("docker", "kubernetes"):
            (tmp_path / "site" / distribution).mkdir()
            (tmp_path / "site" / distribution / "__init__.py").touch()
        return folder

    return make


def _run(folder, cwd, *options):
    done = subprocess.run(
        [sys.executable, *options, str(folder)],
        cwd=cwd,
        env={"PYTHONPATH": str(folder.parents[1] / "site"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _assert_others(printed, folder):
    found = json.loads(printed.splitlines()[0])
    site = folder.parents[1] / "site"
    assert found == {name: f"{site}/{name}/__init__.py" for name in ("docker", "kubernetes")}


@pytest.mark.parametrize("where", ["", "stacks"], ids=["from the clone", "from the folder itself"])
def test_the_stack_program_finds_other_distributions(layout, where):
    program = f"{_SAY}\ndef run(root):\n    print(root)\n"
    folder = layout("stacks", stand_in={"stacks/program.py": program})
    printed = _run(folder, folder.parent / where)
    _assert_others(printed, folder)
    assert printed.splitlines()[1] == str(folder.parent), "relative applications start at the clone"


def test_the_stack_program_by_a_relative_path(layout):
    """`pulumi up` runs it as `.` in its folder."""
    folder = layout("stacks", stand_in={"stacks/program.py": f"{_SAY}\ndef run(root):\n    print(root)\n"})
    done = subprocess.run(
        [sys.executable, "."],
        cwd=folder,
        env={"PYTHONPATH": str(folder.parents[1] / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    _assert_others(done.stdout, folder)


def test_the_plugin_folder_finds_other_distributions(layout):
    provider = f"{_SAY}\ndef main():\n    print('served')\n"
    folder = layout("components", stand_in={"provider/__init__.py": provider})
    printed = _run(folder, folder.parent)
    _assert_others(printed, folder)
    assert printed.splitlines()[1] == "served"
