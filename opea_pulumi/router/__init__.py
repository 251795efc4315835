"""The graph router: runs a GMConnector's graph over HTTP, streaming and truthful.

Two modes: pass-through hands bodies on as they are (a drop-in for OPEA's ``gmcrouter``), aligned
converts the contracts of OPEA 1.5 services into each other as OPEA's orchestrator does.
Imports nothing of the project but ``errors`` and ``flow``, so that it runs alone in a small image.
"""

from ._app import Limits, Router
from ._errors import RouterError
from ._plan import Plan, make_plan
from ._serve import read_plan, serve
from ._upstream import Fault, Reply, Upstream

__all__ = [
    "Fault",
    "Limits",
    "Plan",
    "Reply",
    "Router",
    "RouterError",
    "Upstream",
    "make_plan",
    "read_plan",
    "serve",
]
