"""This project's own container images: the router's and that of the embedded services.

Nobody publishes them, so whoever needs them builds them: a context of wheels, made here with pip, and
one Dockerfile, which any builder takes.
"""

from ._context import Base, OwnImage, default_base, make_context, own_images

__all__ = ["Base", "OwnImage", "default_base", "make_context", "own_images"]
