"""The folder that an image is built from: the Dockerfile, our wheel, and the wheels of what it needs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

import opea_pulumi
from opea_pulumi.errors import OperationError

from ._pip import pip
from ._wheel import own_wheel


@dataclass(frozen=True)
class OwnImage:
    """An image of this project; ``extra`` is what it installs, and ``name`` the Dockerfile's target."""

    name: str
    extra: str

    @property
    def reference(self) -> str:
        """Repository and tag, as the catalogue has it."""
        return f"opea-pulumi/{self.name}:{opea_pulumi.__version__}"


@dataclass(frozen=True)
class Base:
    """What an image is built on: one with Python (``X.Y``) and pip, for a platform such as linux/amd64."""

    image: str
    python: str
    platform: str

    @property
    def build_arguments(self) -> dict[str, str]:
        """For ``docker build --build-arg``, beside EXTRA."""
        return {"BASE": self.image, "VERSION": opea_pulumi.__version__}


def own_images() -> tuple[OwnImage, ...]:
    """Every image of this project."""
    return OwnImage("embedded", "embedded"), OwnImage("router", "router")


def default_base(platform: str) -> Base:
    """The base that the data file names.

    Raises:
        OperationError: nothing is known of that platform.
    """
    facts = _facts()
    if platform not in facts["platforms"]:
        hint = f"one of {', '.join(facts['platforms'])}"
        raise OperationError(f"no image is built for {platform}", code="unknown-platform", hint=hint)
    return Base(facts["base"], facts["python"], platform)


def make_context(image: OwnImage, base: Base, folder: Path) -> None:
    """Fill an empty folder with all that the image's build needs; pip fetches what is not of this project.

    Raises:
        OperationError: pip is missing, or can't get a wheel (its own words are in the message).
    """
    wheels = folder / "wheels"
    wheels.mkdir()
    own = own_wheel(wheels)
    tags: list[str] = _facts()["platforms"][base.platform]
    pip(
        *("download", "--only-binary=:all:", "--implementation=cp", f"--python-version={base.python}"),
        *(f"--platform={tag}" for tag in tags),
        *("--dest", str(wheels), f"{own}[{image.extra}]"),
    )
    shutil.copyfile(str(files(__package__) / "Dockerfile"), folder / "Dockerfile")


@cache
def _facts() -> Mapping[str, Any]:
    facts: Mapping[str, Any] = yaml.safe_load((files(__package__) / "images.yaml").read_text("utf-8"))
    return facts
