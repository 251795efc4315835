"""Prometheus metrics of one router; a registry of its own, so that two routers fit in one process."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_BETWEEN = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Gaps:
    """Times in seconds between two pieces of a step's body.

    Counted once for every token of every stream, by one thread: so without the lock, and at a
    quarter of the cost, of the library's own histogram.
    """

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BETWEEN) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(_BETWEEN, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds with cumulative counts."""
        so_far, found = 0, []
        for bound, count in zip((*map(str, _BETWEEN), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


class StepMetrics:
    """The counters of one step, looked up once and not for each request."""

    def __init__(self, metrics: Metrics, step: str) -> None:
        self.seconds = metrics.step_seconds.labels(step)
        self.first_token = metrics.first_token.labels(step)
        self.in_flight = 0
        self.gaps = Gaps()
        self._retries = metrics.step_retries
        self._step = step

    def retried(self, code: str) -> None:
        """One more call is made because the last one failed with ``code``."""
        self._retries.labels(self._step, code).inc()


class Metrics(Collector):
    """The router's counters; labels are routes and step names only, so their number is bounded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._steps: dict[str, StepMetrics] = {}
        self._answers: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.requests = Counter(
            "opea_router_requests_total", "Requests answered", ("route", "status"), registry=self._registry
        )
        self.seconds = self._histogram("request_seconds", "Time until the answer was complete", "route")
        self.in_flight = Gauge("opea_router_in_flight", "Requests being answered", registry=self._registry)
        self.connections = Gauge("opea_router_connections", "Open connections", registry=self._registry)
        self.cut = Counter(
            "opea_router_connections_cut_total",
            "Connections that the router ended, by reason",
            ("reason",),
            registry=self._registry,
        )
        self.step_seconds = self._histogram("step_seconds", "Time until a step's answer began", "step")
        self.first_token = self._histogram(
            "step_first_token_seconds", "Time from the call of a step to the first bytes of its body", "step"
        )
        self.step_errors = Counter(
            "opea_router_step_errors_total", "Failed steps", ("step", "code"), registry=self._registry
        )
        self.step_retries = Counter(
            "opea_router_step_retries_total",
            "Calls of a step made once more, by what failed",
            ("step", "code"),
            registry=self._registry,
        )
        self._registry.register(self)

    def step(self, label: str) -> StepMetrics:
        """The counters of a step; the graph bounds their number."""
        found = self._steps.get(label)
        if found is None:
            found = self._steps[label] = StepMetrics(self, label)
        return found

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count one answer; both labels are bounded, and looked up once."""
        counters = self._answers.get((route, status))
        if counters is None:
            counters = self.requests.labels(route, status), self.seconds.labels(route)
            self._answers[route, status] = counters
        counters[0].inc()
        counters[1].observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """What is counted without the library's locks, for the registry."""
        running = GaugeMetricFamily(
            "opea_router_step_in_flight", "Calls of a step whose answer is not complete", labels=("step",)
        )
        family = HistogramMetricFamily(
            "opea_router_step_inter_token_seconds",
            "Time between two pieces of a step's streamed body",
            labels=("step",),
        )
        for label, step in self._steps.items():
            running.add_metric((label,), step.in_flight)
            family.add_metric((label,), step.gaps.buckets(), step.gaps.total)
        yield running
        yield family

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self._registry)

    def _histogram(self, name: str, text: str, label: str) -> Histogram:
        return Histogram(f"opea_router_{name}", text, (label,), buckets=_SECONDS, registry=self._registry)
