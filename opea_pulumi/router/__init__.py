"""The graph router: runs a GMConnector's graph over HTTP, streaming and truthful.

Two modes: pass-through hands bodies on as they are (a drop-in for OPEA's ``gmcrouter``), aligned
converts the contracts of OPEA 1.5 services into each other as OPEA's orchestrator does.
Imports nothing of the project but ``errors`` and ``flow``, so that it runs alone in a small image.
"""

from ._app import Limits, Router
from ._auth import Key, hash_key, read_keys
from ._connections import Site
from ._errors import RouterError
from ._plan import Plan, make_plan
from ._serve import drain, make_runner, read_plan, serve
from ._tls import make_tls
from ._tracing import make_tracing
from ._upstream import Fault, Reply, Timeouts, Upstream

__all__ = [
    "Fault",
    "Key",
    "Limits",
    "Plan",
    "Reply",
    "Router",
    "RouterError",
    "Site",
    "Timeouts",
    "Upstream",
    "drain",
    "hash_key",
    "make_plan",
    "make_runner",
    "make_tls",
    "make_tracing",
    "read_keys",
    "read_plan",
    "serve",
]
