"""A folder where static tools see the package as it is installed.

They do not see through the editable mapping of components/ and stacks/ (pyproject's package-dir), so
the package is laid out with links: opea_pulumi/components -> components/, opea_pulumi/stacks -> stacks/.
"""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("farm")
    package = folder / "opea_pulumi"
    package.mkdir()
    for entry in (ROOT / "opea_pulumi").iterdir():
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for name in ("components", "stacks"):
        (package / name).symlink_to(ROOT / name)
    for name in ("pyproject.toml", ".importlinter"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="session")
def packages() -> set[str]:
    """Every folder of the wheel with modules or data of the package; examples/ is the users' own code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return set(project["tool"]["setuptools"]["packages"]) - {"opea_pulumi.examples"}


@pytest.fixture(scope="session")
def modules() -> set[str]:
    """Every module of the package, found by its files."""
    homes = {
        "opea_pulumi": "opea_pulumi",
        "components": "opea_pulumi.components",
        "stacks": "opea_pulumi.stacks",
    }
    found = set()
    for folder, package in homes.items():
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            found.add(".".join([package, *(part for part in parts if part != "__init__")]))
    return found
