"""ruff, mypy --strict and import-linter, over every file."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".mypy_cache"


def run(*arguments: str, cwd: Path, **environ: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_ruff_check() -> None:
    run("ruff", "check", ".", cwd=ROOT)


def test_ruff_format() -> None:
    run("ruff", "format", "--check", ".", cwd=ROOT)


def test_mypy_strict_sees_every_module(farm: Path, modules: set[str], packages: set[str]) -> None:
    printed = run("mypy", "-p", "opea_pulumi", "--cache-dir", str(CACHE), cwd=farm)
    checked = re.search(r"no issues found in (\d+) source files", printed)
    assert checked is not None, printed
    # to mypy, a folder of data is a namespace package
    assert int(checked[1]) == len(modules | packages)


def test_the_wheel_has_a_place_for_every_module(modules: set[str], packages: set[str]) -> None:
    assert {name for name in modules if name not in packages} <= {
        name for name in modules if name.rpartition(".")[0] in packages
    }


def test_imports_go_one_way(farm: Path, modules: set[str]) -> None:
    """import-linter's contracts, over a graph that holds every module."""
    script = (
        "import grimp, json; from importlinter.cli import lint_imports\n"
        "code = lint_imports(no_cache=True)\n"
        "print(json.dumps(sorted(grimp.build_graph('opea_pulumi', cache_dir=None).modules)))\n"
        "raise SystemExit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=farm,
        env={**os.environ, "PYTHONPATH": str(farm)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(json.loads(result.stdout.splitlines()[-1])) == modules


def test_no_file_outgrows_one_sitting() -> None:
    folders = ("opea_pulumi", "components", "stacks", "benchmarks")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert files
    long = {str(file): lines for file in files if (lines := len(file.read_text().splitlines())) > 500}
    assert long == {}


def test_only_the_command_prints() -> None:
    """No sys.exit outside of the command and of what is run as a program (ruff's T20 covers print)."""
    programs = r"__main__\.py$|embedded/_service\.py$|engine/_(program|vendor)\.py$|_supervisor\.py$"
    allowed = re.compile(rf"opea_pulumi/cli/|{programs}")
    folders = ("opea_pulumi", "components", "stacks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    exits = {str(path.relative_to(ROOT)) for path in files if "sys.exit(" in path.read_text()}
    assert {path for path in exits if not allowed.search(path)} == set()
