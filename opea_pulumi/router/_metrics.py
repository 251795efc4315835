"""Prometheus metrics of one router; a registry of its own, so that two routers fit in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The router's counters; labels are routes and step names only, so their number is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "opea_router_requests_total", "Requests answered", ("route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "opea_router_request_seconds",
            "Time until the answer was complete",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge("opea_router_in_flight", "Requests being answered", registry=self._registry)
        self.step_seconds = Histogram(
            "opea_router_step_seconds",
            "Time until a step's answer began",
            ("step",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.first_token = Histogram(
            "opea_router_step_first_token_seconds",
            "Time from the call of a step to the first bytes of its body",
            ("step",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.step_errors = Counter(
            "opea_router_step_errors_total", "Failed steps", ("step", "code"), registry=self._registry
        )

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)
