"""From a blueprint to other formats, and from two of them back to an application.

A format is a folder of this package; ``FORMATS`` and ``SOURCES`` name the modules that hold its
function, so that only the one that is asked for is imported.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

from opea_pulumi.application import Application
from opea_pulumi.blueprint import Blueprint
from opea_pulumi.errors import UsageError

from ._choose import blueprint_for
from ._losses import losses_of_application
from ._model import Conversion, Loss

FORMATS = ("compose", "gmc", "kubernetes", "kserve")
"""What an application can be converted to."""

SOURCES = ("gmc", "compose")
"""What can be converted back."""


def convert(
    blueprint: Blueprint, to: str, *, application: Application | None = None, **options: Any
) -> Conversion:
    """A blueprint in another format; ``options`` are the format's own (gmc: ``dialect``).

    ``application`` tells what of it the blueprint does not hold, and so no format but compose, whose
    file then holds it all for the way back.

    Raises:
        UsageError: there is no such format.
        BlueprintError: the format cannot hold the application; the message says why.
    """
    function = _function(to, FORMATS, f"to_{to}")
    if to == "compose":
        options["application"] = application
    result: Conversion = function(blueprint, **options)
    if to == "compose" or application is None:
        return result
    more = losses_of_application(application, to, blueprint.settings.exposure)
    return replace(result, losses=(*result.losses, *more))


def read(text: str, source: str, *, file: str = "") -> tuple[Application, tuple[Loss, ...]]:
    """The application that a text in another format describes, and what the language cannot hold of it.

    Raises:
        UsageError: this format cannot be read.
        OpeaError: the text is wrong; the place in ``file`` is named.
    """
    result: tuple[Application, tuple[Loss, ...]] = _function(source, SOURCES, f"from_{source}")(
        text, file=file
    )
    return result


def _function(name: str, known: tuple[str, ...], function: str) -> Any:
    if name not in known:
        raise UsageError(
            f"no format is named {name!r}", code="unknown-format", hint=f"one of {', '.join(known)}"
        )
    return getattr(import_module(f"{__name__}.{name}"), function)


__all__ = ["FORMATS", "SOURCES", "Conversion", "Loss", "blueprint_for", "convert", "read"]
