"""Traces by OpenTelemetry, for those who collect them; the extra `tracing` installs it.

Its own OTEL_* environment variables say where they go.
"""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from fastapi import FastAPI
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Tracer, TraceState
from opentelemetry.util.types import Attributes
from starlette.middleware.opentelemetry import OpenTelemetryMiddleware

from service import __version__
from service.http.metrics import Metrics

# What the middleware would tell of a client, and what it sent.
NOT_TOLD = {"client.address", "user_agent.original", "url.query"}
NOT_TRACED = ("/health", "/metrics", "/static/")


def add_tracing(app: FastAPI, metrics: Metrics, processor: SpanProcessor | None = None) -> None:
    """A span for every request, and one for every stage of a photo. To be called last."""
    resource = Resource.create({"service.name": "captions", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.sampler = _Discreet(provider.sampler)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    app.add_middleware(OpenTelemetryMiddleware, tracer_provider=provider, excluded_urls=NOT_TRACED)
    metrics.on_stages = partial(_stages, provider.get_tracer("service", __version__))


class _Discreet(Sampler):
    """Samples as another does, and takes attributes away, which no later hook can."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        told = {key: each for key, each in (attributes or {}).items() if key not in NOT_TOLD}
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, told, links, trace_state
        )

    def get_description(self) -> str:
        return self._sampler.get_description()


def _stages(tracer: Tracer, seconds: Mapping[str, float]) -> None:
    """Spans end to end, the last of which ends now."""
    start = time.time_ns() - sum(map(_nanoseconds, seconds.values()))
    for stage, each in seconds.items():
        span = tracer.start_span(stage, start_time=start)
        start += _nanoseconds(each)
        span.end(start)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
