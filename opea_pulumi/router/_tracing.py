"""OpenTelemetry traces: a span for each request, and one for each call of a step.

On when ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``..._TRACES_ENDPOINT``) is set. The packages are an extra
(``opea-pulumi[otel]``) and imported only then. Attributes follow OpenTelemetry's conventions for HTTP
and generative AI; bodies, headers, query strings and credentials are never among them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opea_pulumi.errors import OperationError
from opea_pulumi.flow import Contract, Flow, Step, contract_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_OPERATIONS = {
    Contract.LLM: "chat",
    Contract.EMBEDDING: "embeddings",
    Contract.RETRIEVAL: "retrieval",
}
"""``gen_ai.operation.name`` (semantic conventions 1.41) where there is a word for what a step does."""


class Tracing:
    """Makes the spans of one router."""

    def __init__(self, flow: Flow, provider: TracerProvider) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._api = trace
        self._w3c = TraceContextTextMapPropagator()  # W3C only, as without traces
        self._provider = provider
        self._tracer = provider.get_tracer("opea_pulumi.router")
        self._flow = flow

    def request(self, headers: Mapping[str, str], method: str, path: str) -> Trace:
        """Begin the span of a request; it continues the caller's trace if there is one."""
        carrier = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        verb = method if method in _METHODS else "_OTHER"
        name = verb if method in _METHODS else "HTTP"
        span = self._tracer.start_span(
            name,
            context=self._w3c.extract(carrier),
            kind=self._api.SpanKind.SERVER,
            attributes={"http.request.method": verb, "url.path": path, "url.scheme": "http"},
        )
        return Trace(self, span, self._api.set_span_in_context(span), name)

    def step(self, step: Step, parent: Context, headers: MutableMapping[str, str], method: str) -> StepTrace:
        """Begin the span of a call, and put its context into ``headers``."""
        span = self._tracer.start_span(
            f"{method} {step.label}",
            context=parent,
            kind=self._api.SpanKind.CLIENT,
            attributes={"http.request.method": method, **self._about(step)},
        )
        for name in ("traceparent", "tracestate"):
            headers.pop(name, None)
        self._w3c.inject(headers, self._api.set_span_in_context(span))
        return StepTrace(self, span)

    def failed(self, span: Span, error: str) -> None:
        """Mark a span with what went wrong."""
        span.set_attribute("error.type", error)
        span.set_status(self._api.Status(self._api.StatusCode.ERROR))

    def close(self) -> None:
        """Send what has not been sent; blocks, at most as long as the exporter's timeout."""
        self._provider.shutdown()

    def _about(self, step: Step) -> dict[str, str | int]:
        parts = urlsplit(step.url)
        about: dict[str, str | int] = {
            "opea.step": step.label,
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
            "url.full": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
        }
        contract = contract_of(self._flow, step)
        if contract in _OPERATIONS:
            about["gen_ai.operation.name"] = _OPERATIONS[contract]
        return about


class Trace:
    """The span of one request."""

    def __init__(self, tracing: Tracing, span: Span, context: Context, name: str) -> None:
        self._tracing = tracing
        self._span = span
        self._context = context
        self._name = name

    def step(self, step: Step, headers: MutableMapping[str, str], method: str = "POST") -> StepTrace:
        """Begin the span of a call; ``headers`` (of the call) get its context."""
        return self._tracing.step(step, self._context, headers, method)

    def end(self, route: str, status: int, error: str) -> None:
        """The answer is complete, or the client has left; ``error`` is empty when all is well."""
        self._span.update_name(f"{self._name} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if error and 400 <= status < 499:  # the client's own mistake: HTTP's conventions leave the span be
            self._span.set_attribute("error.type", error)
        elif error:
            self._tracing.failed(self._span, error)
        self._span.end()


class StepTrace:
    """The span of one call of a step."""

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span

    def answered(self, status: int) -> None:
        """The headers of the answer are there."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= 400:
            self._tracing.failed(self._span, str(status))

    def end(self, failure: str) -> None:
        """The body is complete (``failure`` empty), broken off or given up."""
        if failure:
            self._tracing.failed(self._span, failure)
        self._span.end()


def make_tracing(
    flow: Flow, environment: Mapping[str, str] = os.environ, exporter: SpanExporter | None = None
) -> Tracing | None:
    """Traces as the environment asks for them; None when it does not.

    ``exporter`` takes the place of OTLP's. Sampling, batching, resource and the exporter itself
    read OpenTelemetry's own variables.

    Raises:
        OperationError: traces are asked for and the packages are missing, or another protocol is.
    """
    if not (exporter or _wanted(environment)):
        return None
    protocol = next((environment[name] for name in _PROTOCOLS if environment.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        raise OperationError(
            f"traces go out as http/protobuf, not as {protocol}",
            code="no-tracing",
            hint=f"unset {_PROTOCOLS[1]} and give the collector's HTTP port (4318)",
        )
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        raise OperationError(
            "traces are asked for (OTEL_EXPORTER_OTLP_ENDPOINT) and OpenTelemetry is not installed",
            code="no-tracing",
            hint="pip install 'opea-pulumi[otel]', or set OTEL_SDK_DISABLED=true",
        ) from None
    provider = TracerProvider(resource=_resource(environment), shutdown_on_exit=False)
    if exporter:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(flow, provider)


def _wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


def _resource(environment: Mapping[str, str]) -> Resource:
    from opentelemetry.sdk.resources import Resource

    named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    return Resource.create({} if named else {"service.name": "opea-router"})
