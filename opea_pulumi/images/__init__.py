"""This project's own container images: the router's and that of the embedded services; and moving images.

Nobody publishes ours, so whoever needs them builds them: a context of wheels, made here with pip, and
one Dockerfile, which any builder takes. The clients are those of :func:`opea_pulumi.docker_engine.connect`.
"""

from ._build import Built, build, choose_base, ensure_own_image
from ._context import Base, OwnImage, check_platform, default_base, make_context, own_image, own_images
from ._ensure import Account, account_of, ensure_images, registry_secrets
from ._needed import Needed, check_archive, images_needed, save_images
from ._transfer import InEngine, find_image, load_images, prefixed, push_image, tag_image

__all__ = [
    "Account",
    "Base",
    "Built",
    "InEngine",
    "Needed",
    "OwnImage",
    "account_of",
    "build",
    "check_archive",
    "check_platform",
    "choose_base",
    "default_base",
    "ensure_images",
    "ensure_own_image",
    "find_image",
    "images_needed",
    "load_images",
    "make_context",
    "own_image",
    "own_images",
    "prefixed",
    "push_image",
    "registry_secrets",
    "save_images",
    "tag_image",
]
