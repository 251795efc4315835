"""Finds or installs the Pulumi CLI, and runs stacks with it.

Importing this package imports neither pulumi nor grpc.
"""

from __future__ import annotations

from opea_pulumi.engine.find import Engine, Report, find, obtain
from opea_pulumi.engine.home import Home
from opea_pulumi.engine.install import install

__all__ = ["Engine", "Home", "Report", "find", "install", "obtain"]
