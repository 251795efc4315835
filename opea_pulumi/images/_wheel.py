"""This package as a wheel, from wherever it is installed."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from opea_pulumi.errors import OperationError

from ._pip import pip

_NAME = "opea-pulumi"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SOURCES = ("opea_pulumi", "components", "examples", "stacks", "pyproject.toml", "README.md", "LICENSE")


def own_wheel(folder: Path) -> Path:
    """Write the wheel into a folder: built from the sources of an editable install, else put together again.

    Raises:
        OperationError: the sources don't build, or the installation is not complete.
    """
    ours = _ours()
    source = _source(ours)
    return _packed(ours, folder) if source is None else _built(source, folder)


def _built(source: Path, folder: Path) -> Path:
    """From a copy: a build in place leaves files behind, and takes in what an earlier one left."""
    with tempfile.TemporaryDirectory() as copy:
        for name in _SOURCES:
            if (source / name).is_dir():
                shutil.copytree(source / name, Path(copy, name), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source / name, Path(copy, name))
        pip("wheel", "--no-deps", "--wheel-dir", str(folder), copy)
    return next(folder.glob("opea_pulumi-*.whl"))


def _ours() -> Distribution:
    """What is installed; a checkout that happens to be the working directory has no RECORD."""
    found = (one for one in distributions(name=_NAME) if one.read_text("RECORD"))
    ours = next(found, None)
    if ours is None:
        message = "opea-pulumi is not installed as a package"
        raise OperationError(message, code="broken-install", hint="pip install opea-pulumi")
    return ours


def _source(ours: Distribution) -> Path | None:
    """The folder of an editable install."""
    origin = json.loads(ours.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(origin["url"]).path))


def _packed(ours: Distribution, folder: Path) -> Path:
    """The files of an installed wheel, as its RECORD names them, without what the installer added."""
    wheel = folder / f"opea_pulumi-{ours.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in sorted(ours.files or (), key=str):
            if _added(str(entry)):
                continue
            try:
                data = Path(str(ours.locate_file(entry))).read_bytes()
            except OSError as error:
                message = f"opea-pulumi is not wholly installed: {entry}: {error.strerror}"
                raise OperationError(message, code="broken-install", hint="install it again") from None
            if entry.name == "RECORD":
                kept = [line for line in data.splitlines(True) if not _added(line.decode().partition(",")[0])]
                data = b"".join(kept)
            archive.writestr(zipfile.ZipInfo(str(entry), _EPOCH), data, zipfile.ZIP_DEFLATED)
    return wheel


def _added(entry: str) -> bool:
    """Scripts, bytecode and the installer's own notes."""
    path = PurePosixPath(entry)
    notes = path.name in ("INSTALLER", "REQUESTED", "direct_url.json")
    return notes or path.parts[0] == ".." or "__pycache__" in path.parts
