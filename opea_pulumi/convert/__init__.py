"""From a blueprint to other formats, and from two of them back to an application."""

from ._model import Conversion, Loss

__all__ = ["Conversion", "Loss"]
