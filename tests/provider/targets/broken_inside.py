"""A target with a bug: it imports a module of this project that does not exist."""

import opea_pulumi.no_such_module  # noqa: F401

COMPONENTS = ()
