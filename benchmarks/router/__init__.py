"""The router against direct calls, OPEA's ServiceOrchestrator, and gmcrouter where its binary is given."""

from benchmarks.router.report import run

__all__ = ["run"]
