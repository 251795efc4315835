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
from opea_pulumi.blueprint import OWN, split_image
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
        return f"{OWN}{self.name}:{opea_pulumi.__version__}"

    def build_command(self, registry: str = "") -> str:
        """What builds it, and with a registry's prefix tags it for that, too."""
        return f"opea-pulumi images build {self.name}" + (f" --registry {registry}" if registry else "")


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


def own_image(reference: str) -> OwnImage | None:
    """The image of this project that a reference means, under whatever registry's prefix, tag or digest."""
    repository = split_image(reference)[1]
    for image in own_images():
        if f"/{repository}".endswith(f"/{OWN}{image.name}"):
            return image
    return None


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


def check_platform(image: OwnImage, platform: str) -> None:
    """See that an image can be built for a platform.

    Raises:
        OperationError: what it needs is not to be had there.
    """
    platforms: list[str] = _facts()["images"][image.name]
    if platform not in platforms:
        message = (
            f"the image {image.name} is not built for {platform}: not all that it needs is to be had there"
        )
        hint = f"it is built for {', '.join(platforms)}"
        raise OperationError(message, code="unknown-platform", hint=hint)


def make_context(image: OwnImage, base: Base, folder: Path) -> None:
    """Fill an empty folder with all that the image's build needs; pip fetches what is not of this project.

    Raises:
        OperationError: the image is not built for that platform; pip is missing, or can't get a wheel (its
            own words are in the message).
    """
    check_platform(image, base.platform)
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
