"""``opea-pulumi images``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ._output import json_option

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = ("embedded", "router")


@click.group(name="images")
def command() -> None:
    """Build, push, load and list this project's own images.

    They are the router's and that of the embedded services, NAME router and embedded; without NAME both
    are meant. The engine is DOCKER_HOST's, else that of the Docker context.
    """


def _names_argument(function: _F) -> _F:
    return click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice(_NAMES))(function)


def _registry_option(text: str, *, required: bool = False) -> Callable[[_F], _F]:
    return click.option("--registry", metavar="PREFIX", default="", required=required, help=text)


@command.command()
@_names_argument
@click.option("--base", metavar="IMAGE", default="", help="An image with Python and pip; goes with --python.")
@click.option("--python", metavar="X.Y", default="", help="The base's Python, such as 3.12.")
@click.option(
    "--platform",
    type=click.Choice(["linux/amd64", "linux/arm64"]),
    help="What the images run on (default: what the engine does).",
)
@_registry_option("Tag them for this registry, too, such as registry.example.com/mirror.")
@json_option
def build(
    names: tuple[str, ...], base: str, python: str, platform: str | None, registry: str, as_json: bool
) -> None:
    """Build images on the Docker engine.

    pip gets the wheels here, the build itself needs no network; the engine pulls the base, or has it.
    """
    from ._images import build_images

    build_images(names, base=base, python=python, platform=platform or "", registry=registry, as_json=as_json)


@command.command()
@_names_argument
@_registry_option("Where to, such as registry.example.com/mirror.", required=True)
@json_option
def push(names: tuple[str, ...], registry: str, as_json: bool) -> None:
    """Push images that were built to a registry, and print their digests.

    Credentials are those of docker login.
    """
    from ._images import push_images

    push_images(names, registry, as_json=as_json)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def load(file: Path, as_json: bool) -> None:
    """Load an archive of export-images --save into the engine, and list what it held."""
    from ._images import load_archive

    load_archive(file, as_json=as_json)


@command.command(name="list")
@_registry_option("Those under this registry's prefix.")
@json_option
def list_images(registry: str, as_json: bool) -> None:
    """List our images: which the engine has, and how the others are built."""
    from ._images import show_images

    show_images(registry, as_json=as_json)
