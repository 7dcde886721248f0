"""Traces by OpenTelemetry, for those who collect them; the extra `tracing` installs it.

Its own OTEL_* environment variables say where they go.
"""

import time
from collections.abc import Mapping
from functools import partial

from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer
from starlette.middleware.opentelemetry import OpenTelemetryMiddleware

from service import __version__
from service.http.metrics import Metrics

NOT_TRACED = ("/health", "/metrics", "/static/")


def add_tracing(app: FastAPI, metrics: Metrics, processor: SpanProcessor | None = None) -> None:
    """A span for every request, and one for every stage of a photo. To be called last."""
    resource = Resource.create({"service.name": "captions", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    app.add_middleware(OpenTelemetryMiddleware, tracer_provider=provider, excluded_urls=NOT_TRACED)
    metrics.on_stages = partial(_stages, provider.get_tracer("service", __version__))


def _stages(tracer: Tracer, seconds: Mapping[str, float]) -> None:
    """Spans end to end, the last of which ends now."""
    start = time.time_ns() - sum(map(_nanoseconds, seconds.values()))
    for stage, each in seconds.items():
        span = tracer.start_span(stage, start_time=start)
        start += _nanoseconds(each)
        span.end(start)


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
